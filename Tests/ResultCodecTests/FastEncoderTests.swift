import Domain
import ResultCodec
import Testing

/// The loops in C against those in Swift, whose bytes they have to write.
@Suite struct FastEncoderTests {
    /// How the sources of a list lie: each way makes another form of their code the shortest.
    private enum Sources: CaseIterable { case any, same, skewed, inRuns, two }

    private func list(_ count: Int, _ sources: Sources, _ drawn: inout DrawnList) -> [Candidate] {
        var list = drawn.draw(count)
        var run = CandidateSource.model
        for rank in list.indices {
            switch sources {
            case .any: break
            case .same: list[rank].source = .transition
            case .skewed: if drawn.random.uniform() < 0.8 { list[rank].source = .popular }
            case .inRuns:
                if drawn.random.uniform() < 0.03 { run = list[rank].source }
                list[rank].source = run
            case .two: list[rank].source = list[rank].source == .model ? .model : .repeat
            }
        }
        return list
    }

    /// Mostly short lists, where the borders of groups and blocks lie close.
    private func count(_ drawn: inout DrawnList) -> Int {
        switch drawn.random.uniform() {
        case ..<0.5: drawn.random.below(40)
        case ..<0.9: drawn.random.below(140)
        case ..<0.998: drawn.random.below(300)
        default: 490 + drawn.random.below(1500)
        }
    }

    @Test(arguments: 0..<20)
    func everyListHasTheBytesOfTheReadableLoopsForSeed(_ seed: Int) throws {
        var drawn = DrawnList(seed: UInt64(seed))
        var fast = PayloadEncoder(dictionary: .drawn)
        var readable = PayloadEncoder(dictionary: .drawn, isReadable: true)
        var payloads: (fast: [UInt8], readable: [UInt8]) = ([], [])
        for round in 0..<6_000 {
            let list = list(count(&drawn), Sources.allCases[round % Sources.allCases.count], &drawn)
            if round % 2 == 0 {
                try fast.encode(list, codec: .bands, into: &payloads.fast)
                try readable.encode(list, codec: .bands, into: &payloads.readable)
            } else {
                try fast.encode(list, into: &payloads.fast)
                try readable.encode(list, into: &payloads.readable)
            }
            try #require(payloads.fast == payloads.readable, "round \(round), \(list.count) candidates")
        }
    }

    @Test(arguments: DrawnList.Rows.allCases, DrawnList.Scores.allCases)
    func theLongestListsDoToo(_ rows: DrawnList.Rows, _ scores: DrawnList.Scores) throws {
        var drawn = DrawnList(seed: 5)
        var fast = PayloadEncoder(), readable = PayloadEncoder(isReadable: true)
        for count in [65_535, 65_520, 501, 500, 1, 0] {
            let list = drawn.draw(count, rows: rows, scores: scores)
            var payloads: (fast: [UInt8], readable: [UInt8]) = ([], [])
            try fast.encode(list, codec: .bands, into: &payloads.fast)
            try readable.encode(list, codec: .bands, into: &payloads.readable)
            #expect(payloads.fast == payloads.readable, "\(count) candidates")
        }
    }

    @Test func bothRefuseTheSameListsWithTheSameWords() throws {
        var drawn = DrawnList(seed: 6)
        var fast = PayloadEncoder(), readable = PayloadEncoder(isReadable: true)
        var refusals = 0
        for round in 0..<3_000 {
            var list = drawn.draw(1 + drawn.random.below(200))
            let rank = drawn.random.below(list.count), other = drawn.random.below(list.count)
            switch round % 4 {
            case 0: list[rank].score = [.nan, .infinity, 70_000, -70_000][drawn.random.below(4)]
            case 1: list[rank].score = list[0].score.nextUp
            case 2: list[rank].row = list[other].row
            default: break
            }
            let refused = refusal { () throws(PayloadError) in _ = try fast.encode(list) }
            #expect(refused == refusal { () throws(PayloadError) in _ = try readable.encode(list) })
            if refused != nil { refusals += 1 }
        }
        #expect((1_000..<2_250).contains(refusals))
    }

    private func refusal(_ body: () throws(PayloadError) -> Void) -> PayloadError? {
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }
}
