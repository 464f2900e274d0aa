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

    @Test func popularRowsAreBandsAndHugeRowsArePlanesAndRepeatsAreCompressedAndSharedListsShared() throws {
        var drawn = DrawnList(seed: 1)
        var encoder = PayloadEncoder(dictionary: .drawn)
        let popular = try encoder.encode(drawn.draw(100, rows: .popular, scores: .positive))
        let huge = try encoder.encode([Candidate(row: .max, score: 1, source: .popular)])
        let empty = try encoder.encode([])
        let rows = (0..<1000).map { UInt32(1 << 30) + UInt32($0) }
        let sequence = try encoder.encode(rows.map { Candidate(row: $0, score: 1, source: .model) })
        let shared = try encoder.encode(DrawnList.default[10...250])
        #expect([popular, huge, empty, sequence, shared].map { $0[2] } == [4, 0, 0, 2, 3])
        #expect(PayloadCodec.allCases.map { encoder.wins(of: $0) } == [2, 0, 1, 1, 1])
        #expect(encoder.bytes(of: .bands) == popular.count && encoder.bytes(of: .planes) == huge.count + empty.count)
    }

    @Test func theSmallestCodecIsKeptAndOfEqualOnesTheLowest() throws {
        var drawn = DrawnList(seed: 2)
        var encoder = PayloadEncoder(dictionary: .drawn, triesEverything: true)
        for round in 0..<400 {
            let list = drawn.draw(round % 40)
            let forced = try PayloadCodec.allCases.map {
                try PayloadEncoder.encode(list, codec: $0, dictionary: .drawn)
            }
            let smallest = try #require(forced.map(\.count).min())
            #expect(try encoder.encode(list) == forced.first { $0.count == smallest })
        }
    }

    @Test func whatIsNotTriedWouldSaveLessThanAThousandth() throws {
        var drawn = DrawnList(seed: 7)
        var sketched = PayloadEncoder(dictionary: .drawn)
        var thorough = PayloadEncoder(dictionary: .drawn, triesEverything: true)
        var bytes = (sketched: 0, thorough: 0)
        for round in 0..<3_000 {
            let list = drawn.draw([100, 20, 250, 7][round % 4])
            bytes.sketched += try sketched.encode(list).count
            bytes.thorough += try thorough.encode(list).count
        }
        #expect(bytes.sketched - bytes.thorough <= bytes.thorough / 1000, "\(bytes)")
        #expect(thorough.wins(of: .bands) > 1_000 && thorough.wins(of: .sharedPlanes) > 100)
    }

    /// Two rows of four bytes and a fall of two: 1 + 8 + 2 + 2 + 1 bytes packed, 2 x 7 as planes.
    @Test func aTieGoesToPlanes() throws {
        let list = [
            Candidate(row: 0x8182_8384, score: 1000, source: .model),
            Candidate(row: 0x7172_7374, score: 900, source: .model),
        ]
        let forced = try PayloadCodec.allCases.map { try PayloadEncoder.encode(list, codec: $0, dictionary: .drawn) }
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
            "\(PayloadError.unknownCodec(5))"
                == "the payload has codec 5, this reader knows 0 to 4; a newer reader is needed: upgrade Nearline here")
    }
}
