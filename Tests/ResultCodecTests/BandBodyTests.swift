import Domain
import ResultCodec
import Testing

/// Bodies of codec 4, bit by bit.
@Suite struct BandBodyTests {
    private func refusal(_ count: Int, _ bits: String) -> PayloadError? {
        do {
            _ = try PayloadDecoder.decode(payload(count, bits))
            return nil
        } catch {
            return error
        }
    }

    /// - Parameter bits: zeros and ones, blanks allowed; zeros fill the last byte.
    private func payload(_ count: Int, _ bits: String) -> [UInt8] {
        var digits = bits.filter { !$0.isWhitespace }
        while digits.count % 8 > 0 { digits += "0" }
        var bytes: [UInt8] = []
        while !digits.isEmpty {
            bytes.append(UInt8(digits.prefix(8), radix: 2)!)
            digits.removeFirst(8)
        }
        return sealed(codec: 4, count: count, bytes)
    }

    private let zero = "1000000000000000"

    @Test func oneCandidateIsItsTableItsScoreItsSourceAndItsPlace() throws {
        let list = try PayloadDecoder.decode(payload(1, "00 00100 \(zero) 00 0011 1010"))
        #expect(list == [Candidate(row: 10, score: 0, source: .popular)])
    }

    @Test func bodiesThatEndTooEarlyOrTooLateAreRefused() {
        #expect(refusal(1, "00 01010 \(zero) 00 0011 1010000000") == nil)
        #expect(refusal(1, "00 01010 \(zero) 00 0011 1010000000" + "00000000") != nil)
        #expect(refusal(1, "00 01011 \(zero) 00 0011 101") != nil)
        #expect(refusal(0, "00000000") == .lengthMismatch(.bands, expected: 0, found: 1))
        #expect(refusal(1, "") != nil)
    }

    @Test func bitsThatFillTheLastByteAreZero() {
        #expect(refusal(1, "00 00100 \(zero) 00 0011 1010") == nil)
        #expect(refusal(1, "00 00100 \(zero) 00 0011 1010" + "00000001") != nil)
        #expect(refusal(1, "00 00010 \(zero) 00 0011 10 1") == .brokenBands(at: 0))
    }

    @Test func bandsWiderThan31BitsAreRefused() {
        #expect(refusal(1, "01 11111 00 \(zero) 00 0011 0 0000000000000000000000000000000") == nil)
        #expect(refusal(1, "01 11111 01 \(zero) 00 0011 0 0000000000000000000000000000000") == .brokenBands(at: 0))
    }

    @Test func rowsBeyond32BitsAreRefused() throws {
        let ones = String(repeating: "1", count: 31)
        let list = try PayloadDecoder.decode(payload(1, "01 11111 00 \(zero) 00 0011 1 \(ones)"))
        #expect(list.first?.row == .max)
        #expect(refusal(1, "10 11111 00 00 00 \(zero) 00 0011 10 \(ones)") == .brokenBands(at: 0))
    }

    /// Two candidates of row 0 in a band of one row; parameter 0, so that a fall is its number of zeros.
    @Test func fallsBelowAllScoresAreRefused() {
        #expect(refusal(2, "00 00001 0000010000000001 0000 00 0000 01 0 1") == nil)
        #expect(refusal(2, "00 00001 0000010000000001 0000 00 0000 001 0 1") == .scoresNotFalling(at: 1))
        #expect(refusal(1, "00 00001 1111110000000000 00 0000 0") == .scoresNotFalling(at: 0))
    }

    @Test func aFallTooLargeForItsGroupFollowsInWhole() throws {
        let escape = "0000000000000001"
        let list = try PayloadDecoder.decode(payload(2, "00 00001 \(zero) 0000 00 0000 \(escape) 0 1 0000010000000000"))
        #expect(list.map(\.row) == [0, 1])
        #expect(list[1].score < 0)
        #expect(refusal(2, "00 00001 \(zero) 0000 00 0000 0\(escape) 0 1 0000010000000000") == .brokenBands(at: 0))
    }

    @Test func sourcesThatAreNotInTheTableOrNotKnownAreRefused() {
        // Fixed: of three sources 0, 1, 2 the places take two bits.
        let head = "00 00000 \(zero)"
        #expect(refusal(1, "\(head) 01 0010 0000 0001 0010 10") == nil)
        #expect(refusal(1, "\(head) 01 0010 0000 0001 0010 11") == .brokenBands(at: 0))
        #expect(refusal(1, "\(head) 01 0010 0000 0001 1010 10") == .unknownSource(10, at: nil))
    }

    @Test func runsThatGoOnBehindTheListAreRefused() throws {
        // Two sources in runs of a list of four: a bit of place, two of length less one; no falls.
        let head = "00 00000 \(zero) 1111 11 0001 0001 0011"
        let list = try PayloadDecoder.decode(payload(4, "\(head) 1 10 0 00"))
        #expect(list.map(\.source) == [.popular, .popular, .popular, .repeat])
        #expect(refusal(4, "\(head) 1 10 0 01") == .brokenBands(at: 3))
    }
}
