import Domain
import Model
import Tensors
import Testing

@Suite struct PackedBatchTests {
    /// Short, long, one session, one item, many items; and nobody's history.
    private static let histories =
        (0..<12 as Range<UInt64>).map {
            drawnHistory(seed: $0, sessions: 1 + Int($0 * 7 % 11), longest: 1 + Int($0 % 9))
        }
        + [drawnHistory(seed: 50, sessions: 70, longest: 4), drawnHistory(seed: 51, sessions: 1, longest: 1)]

    private static let requests = histories.map {
        PackedBatch.Request(time: $0.sessions.last!.startsAt + 3600, scene: 2)
    }

    @Test func aBatchOfManyUsersEqualsEachUserAlone() {
        let model = DrawnModel()
        let together = model.rows(Self.histories)
        for (user, history) in Self.histories.enumerated() {
            let alone = model.rows([history])
            let first = Int(together.batch.firstContext[user]), last = Int(together.batch.firstContext[user + 1])
            #expect(difference(Array(together.contexts[first..<last]), alone.contexts) < 1e-5, "user \(user)")
        }
    }

    @Test func aWorkspaceThatWasUsedForALargerBatchGivesTheSame() {
        let model = DrawnModel(), space = Workspace(), history = [Self.histories[3]]
        func run(_ histories: [TokenHistory], _ space: Workspace) -> [Float] {
            let batch = PackedBatch(histories, buckets: model.buckets)
            NextSessionNetwork(model.parameters).run(
                batch, embeddings: model.vectors.sums.pointer, mode: .exact, space: space)
            return Array(UnsafeBufferPointer(start: space.stream.pointer, count: batch.contexts * model.width))
        }
        _ = run(Self.histories, space)
        #expect(run(history, space) == run(history, Workspace()))
    }

    @Test(arguments: [1, 3])
    func theEncoderGivesEveryUserTheSameQueryAtAnyNumberOfThreads(_ workers: Int) {
        let model = DrawnModel()
        let many = (0..<40).flatMap { _ in Self.histories }, requests = (0..<40).flatMap { _ in Self.requests }
        func encode(_ workers: Int, _ histories: [TokenHistory], _ requests: [PackedBatch.Request]) -> [[Float]] {
            let out = FloatBuffer()
            UserEncoder(model.parameters, vectors: model.vectors, pool: WorkerPool(workers: workers))
                .encode(histories, requests: requests, into: out)
            return (0..<histories.count).map { Array(out.values[$0 * model.width..<($0 + 1) * model.width]) }
        }
        let found = encode(workers, many, requests)
        #expect(found == encode(2, many, requests), "to the bit")
        for (user, history) in Self.histories.enumerated() {
            let alone = encode(1, [history], [Self.requests[user]])[0]
            #expect(difference(alone, found[user]) < 1e-5 && difference(alone, found[user + 14 * 39]) < 1e-5)
            #expect(abs(alone.reduce(0) { $0 + $1 * $1 } - 1) < 1e-4, "a unit vector")
        }
    }

    @Test func sceneTimeAndGapOfTheRequestMatter() {
        let model = DrawnModel(), history = drawnHistory(seed: 4)
        let last = history.sessions.last!.startsAt
        func state(_ time: Int64, _ scene: Int32) -> [Float] {
            model.rows([history], requests: [.init(time: time, scene: scene)]).contexts.last!
        }
        let base = state(last + 3600, 0)
        #expect(difference(base, state(last + 3600, 1)) > 1e-3)
        #expect(difference(base, state(last + 7200, 0)) > 1e-3)
        #expect(difference(base, state(last + 3600 + 168 * 3600, 0)) > 1e-3)
    }

    @Test func tokensAreSortedByKindAndEveryRowKnowsItsSession() {
        var first = TokenHistory(), second = TokenHistory()
        first.append(startsAt: 3600, scene: 1, items: [(row: 7, action: 1), (row: 8, action: 2)])
        first.append(startsAt: 7200, scene: 2, items: [(row: 9, action: 3)])
        second.append(startsAt: -1, scene: 0, items: [(row: 5, action: 0)])
        let batch = PackedBatch(
            [first, second], requests: [.init(time: 10_800, scene: 2), .init(time: 604_800, scene: 1)],
            buckets: TimeBuckets(count: 64))
        #expect(batch.users == 2 && batch.contexts == 5 && batch.items == 4 && batch.rows == 9 && batch.longest == 3)
        #expect(batch.firstContext == [0, 3, 5] && batch.firstItem == [0, 2, 3, 3, 4, 4])
        #expect(batch.contextOfRow == [0, 1, 2, 3, 4, 0, 0, 1, 3])
        #expect(batch.sessionOfRow == [0, 1, 2, 0, 1, 0, 0, 1, 0])
        #expect(batch.item == [7, 8, 9, 5] && batch.action == [1, 2, 3, 0] && batch.scene == [1, 2, 2, 0, 1])
        // The epoch was a Thursday's midnight; a second before it was hour 167 of the week before.
        #expect(batch.hour == [1, 2, 3, 167, 0])
        let hourApart = Int32(TimeBuckets(count: 64).bucket(3600))
        #expect(batch.gapBucket == [0, hourApart, hourApart, 0, Int32(TimeBuckets(count: 64).bucket(604_801))])
    }

    @Test func noUsersAreNoRows() {
        let batch = PackedBatch([TokenHistory](), buckets: TimeBuckets(count: 64))
        #expect(batch.users == 0 && batch.rows == 0)
    }

    @Test func aUserWithoutAHistoryIsARequestAlone() {
        let model = DrawnModel()
        let found = model.rows([TokenHistory()], requests: [.init(time: 0, scene: 0)])
        #expect(found.contexts.count == 1 && found.contexts[0].allSatisfy { $0.isFinite })
    }
}
