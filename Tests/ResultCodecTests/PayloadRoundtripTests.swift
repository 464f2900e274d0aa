import Domain
import ResultCodec
import Testing

@Suite struct PayloadRoundtripTests {
    @Test(arguments: PayloadCodec.allCases, [0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 1000])
    func listsComeBackWithScoresAsTheNearestFloat16(_ codec: PayloadCodec, _ count: Int) throws {
        var drawn = DrawnList(seed: UInt64(count))
        for rows in DrawnList.Rows.allCases {
            for scores in DrawnList.Scores.allCases {
                let list = drawn.draw(count, rows: rows, scores: scores)
                let payload = try PayloadEncoder.encode(list, codec: codec, dictionary: .drawn)
                #expect(payload[2] == codec.rawValue)
                #expect(
                    try PayloadDecoder.decode(payload, dictionary: .drawn) == rounded(list),
                    "\(rows) rows, \(scores) scores")
            }
        }
    }

    @Test(arguments: PayloadCodec.allCases)
    func theLongestListComesBack(_ codec: PayloadCodec) throws {
        var drawn = DrawnList(seed: 65535)
        let list = drawn.draw(65535, rows: .anyUInt32, scores: .aroundZero)
        let back = try PayloadDecoder.decode(
            PayloadEncoder.encode(list, codec: codec, dictionary: .drawn), dictionary: .drawn)
        #expect(firstDifference(back, rounded(list)) == nil)
    }

    @Test(arguments: PayloadCodec.allCases)
    func everyFiniteFloat16ComesBackAsItself(_ codec: PayloadCodec) throws {
        let scores = (UInt16.min...UInt16.max).map { Float16(bitPattern: $0) }.filter(\.isFinite).sorted(by: >)
        let list = scores.enumerated().map { Candidate(row: UInt32($0), score: Float($1), source: .model) }
        #expect(list.count == 63488)
        let back = try PayloadDecoder.decode(
            PayloadEncoder.encode(list, codec: codec, dictionary: .drawn), dictionary: .drawn)
        #expect(firstDifference(back, list) == nil)
        #expect(!back.contains { $0.score == 0 && $0.score.sign == .minus })
    }

    @Test func oneEncoderWritesManyListsAsFreshOnesDo() throws {
        var drawn = DrawnList(seed: 3)
        var encoder = PayloadEncoder()
        var payload: [UInt8] = [1, 2, 3]
        for round in 0..<300 {
            let list = drawn.draw([100, 0, 3, 400, 1, 17][round % 6])
            try encoder.encode(list, into: &payload)
            var fresh = PayloadEncoder()
            #expect(try payload == fresh.encode(list))
            #expect(try PayloadDecoder.decode(payload) == rounded(list))
        }
    }

    @Test func anEncoderTakesASliceAndALazyCollection() throws {
        var drawn = DrawnList(seed: 4)
        let list = drawn.draw(20)
        var encoder = PayloadEncoder()
        #expect(try PayloadDecoder.decode(encoder.encode(list[5..<9])) == rounded(Array(list[5..<9])))
        let halved = list.lazy.map { Candidate(row: $0.row, score: $0.score / 2, source: $0.source) }
        #expect(try PayloadDecoder.decode(encoder.encode(halved)) == rounded(Array(halved)))
    }
}
