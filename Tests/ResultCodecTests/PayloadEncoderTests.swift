import Domain
import ResultCodec
import Testing

@Suite struct PayloadEncoderTests {
    private func list(_ scores: [Float]) -> [Candidate] {
        scores.enumerated().map { Candidate(row: UInt32($0), score: $1, source: .model) }
    }

    private func refusal(_ list: [Candidate]) -> PayloadError? {
        var encoder = PayloadEncoder()
        do {
            _ = try encoder.encode(list)
            return nil
        } catch {
            return error
        }
    }

    @Test func popularRowsArePackedAndHugeRowsArePlanesAndRepeatsAreCompressed() throws {
        var drawn = DrawnList(seed: 1)
        var encoder = PayloadEncoder()
        let popular = try encoder.encode(drawn.draw(100, rows: .popular, scores: .positive))
        let alone = try encoder.encode([Candidate(row: .max, score: 1, source: .popular)])
        let empty = try encoder.encode([])
        let sequence = try encoder.encode(drawn.draw(100, rows: .inSequence, scores: .equal))
        #expect([popular, alone, empty, sequence].map { $0[2] } == [1, 0, 0, 2])
        #expect(PayloadCodec.allCases.map { encoder.wins(of: $0) } == [2, 1, 1])
    }

    @Test func theSmallestCodecIsKeptAndOfEqualOnesTheLowest() throws {
        var drawn = DrawnList(seed: 2)
        var encoder = PayloadEncoder()
        for round in 0..<400 {
            let list = drawn.draw(round % 40)
            let forced = try PayloadCodec.allCases.map { try PayloadEncoder.encode(list, codec: $0) }
            let smallest = try #require(forced.map(\.count).min())
            #expect(try encoder.encode(list) == forced.first { $0.count == smallest })
        }
    }

    /// Two rows of four bytes and a fall of two: 1 + 8 + 2 + 2 + 1 bytes packed, 2 x 7 as planes.
    @Test func aTieGoesToPlanes() throws {
        let list = [
            Candidate(row: 0x8182_8384, score: 1000, source: .model),
            Candidate(row: 0x7172_7374, score: 900, source: .model),
        ]
        let forced = try PayloadCodec.allCases.map { try PayloadEncoder.encode(list, codec: $0) }
        try #require(forced[0].count == forced[1].count && forced[0].count < forced[2].count)
        var encoder = PayloadEncoder()
        #expect(try encoder.encode(list)[2] == 0)
    }

    @Test func scoresThatAreNoNumbersAreRefused() {
        #expect(refusal(list([3, .nan, 1])) == .nonFiniteScore(at: 1))
        #expect(refusal(list([.infinity])) == .nonFiniteScore(at: 0))
        #expect(refusal(list([3, 2, -.infinity])) == .nonFiniteScore(at: 2))
    }

    @Test func scoresBeyondFloat16AreRefusedAndItsLimitsAreNot() {
        #expect(refusal(list([65504, 0, -65504])) == nil)
        #expect(refusal(list([Float(65504).nextUp])) == .scoreOutOfRange(Float(65504).nextUp, at: 0))
        #expect(refusal(list([0, Float(-65504).nextDown])) == .scoreOutOfRange(Float(-65504).nextDown, at: 1))
    }

    @Test func scoresThatRiseAreRefusedEvenByLessThanFloat16Tells() {
        #expect(refusal(list([3, 2, 2, 1])) == nil)
        #expect(refusal(list([3, 2, 2.5])) == .scoresNotFalling(at: 2))
        #expect(refusal(list([1, Float(1).nextUp])) == .scoresNotFalling(at: 1))
    }

    @Test func zerosOfBothSignsAreATie() {
        #expect(refusal(list([0, -0.0, 0, -0x1p-30, -0x1p-30])) == nil)
    }

    @Test func aRowTwiceIsRefused() {
        var twice = list([3, 2, 1])
        twice[2].row = 0
        #expect(refusal(twice) == .duplicateRow(0, at: 2))
    }

    @Test func rowsOfAnEarlierListMayComeAgain() throws {
        var encoder = PayloadEncoder()
        for _ in 0..<3 { _ = try encoder.encode(list([3, 2, 1])) }
        #expect(throws: PayloadError.duplicateRow(1, at: 1)) {
            try encoder.encode(Array(repeating: Candidate(row: 1, score: 1, source: .model), count: 2))
        }
        _ = try encoder.encode(list([3, 2, 1]))
    }

    @Test func aListOf65536IsRefused() {
        #expect(refusal(list([Float](repeating: 1, count: 65535))) == nil)
        #expect(refusal(list([Float](repeating: 1, count: 65536))) == .tooManyCandidates(65536))
    }

    @Test func aRefusedListLeavesThePayloadAndTheCountsAlone() {
        var encoder = PayloadEncoder()
        var payload: [UInt8] = [1, 2, 3]
        #expect(throws: PayloadError.self) { try encoder.encode(list([1, 2]), into: &payload) }
        #expect(payload == [1, 2, 3])
        #expect(PayloadCodec.allCases.allSatisfy { encoder.wins(of: $0) == 0 })
    }

    @Test func aRefusalNamesTheValueAndSaysWhatToDo() {
        #expect(
            "\(PayloadError.scoreOutOfRange(70000, at: 4))"
                == "candidate 4 has score 70000.0, a payload holds -65504.0 to 65504.0; "
                + "check the model that scored it, then rerun")
        #expect(
            "\(PayloadError.unknownCodec(3))"
                == "the payload has codec 3, this reader knows 0 to 2; a newer reader is needed: upgrade Nearline here")
    }
}
