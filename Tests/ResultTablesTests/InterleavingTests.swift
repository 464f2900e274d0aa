import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

/// Two workers, one shard and a lease that runs out twice, in every order that there is: the shard is stored once, under the
/// term that is the last one then, and each worker is told the truth.
///
/// Behind a pooler, where nobody can end the session of a worker that came too late: the term alone holds it off.
@Suite struct InterleavingTests {
    private enum Step: Hashable { case claim(Int), renew(Int), store(Int), expire }

    /// What ought to be, worked out by hand.
    private struct Model {
        var isClaimed = false, isExpired = false, isDone = false
        var term = 0
        var terms: [Int?] = [nil, nil]

        mutating func claim(_ worker: Int) -> Bool {
            guard !isDone, !isClaimed || isExpired else { return false }
            (isClaimed, isExpired) = (true, false)
            term += 1
            terms[worker] = term
            return true
        }

        mutating func renew(_ worker: Int) -> Bool {
            guard terms[worker] == term else { return false }
            isExpired = false
            return true
        }

        mutating func store(_ worker: Int) -> Bool {
            guard isClaimed, !isDone, terms[worker] == term else { return false }
            isDone = true
            return true
        }
    }

    /// Each worker's steps stay in their order.
    private static func orders(_ threads: [[Step]]) -> [[Step]] {
        guard threads.contains(where: { !$0.isEmpty }) else { return [[]] }
        return threads.indices.filter { !threads[$0].isEmpty }.flatMap { next in
            var rest = threads
            let step = rest[next].removeFirst()
            return orders(rest).map { [step] + $0 }
        }
    }

    @Test func everyOrderOfClaimingRenewingExpiringAndStoringStoresTheShardOnce() throws {
        let database = try EmptyDatabase.migrated(), drawn = DrawnRelease(seed: 5, count: 10)
        let first = try database.connection.writer(drawn), other = try database.connect(), release = first.release
        let second = try ReleaseWriter(
            continuing: release, userType: .bigint, itemType: .bigint, items: drawn.vocabulary.count, run: 1,
            takesOver: false, on: other)
        let writers = [first, second], connections = [database.connection, other]
        let books = (0..<2).map {
            ShardBook(release: release, worker: UUIDKey(high: 1, low: UInt64($0)), on: connections[$0])
        }
        try books[0].plan([])
        let orders = Self.orders([
            [.claim(0), .renew(0), .store(0)], [.claim(1), .store(1)], [.expire, .expire],
        ])
        #expect(orders.count == 210)
        for order in orders {
            try database.run(
                """
                DELETE FROM nearline.candidate_r\(release);
                UPDATE nearline.release_shard SET state = 'open', term = 0, lease_until = NULL, worker = NULL
                WHERE release = \(release)
                """)
            var model = Model(), held: [ClaimedShard?] = [nil, nil]
            for step in order {
                switch step {
                case .claim(let worker):
                    let isExpected = model.claim(worker)
                    if case .shard(let shard) = try books[worker].claim() { held[worker] = shard }
                    #expect((held[worker] != nil) == isExpected, "\(step) in \(order)")
                    #expect(held[worker].map(\.term) == model.terms[worker], "\(step) in \(order)")
                    try database.run("UPDATE nearline.release_shard SET is_pooled = true WHERE release = \(release)")
                case .renew(let worker):
                    guard let shard = held[worker] else { continue }
                    let isExpected = model.renew(worker)
                    let isRenewed = try ShardBook.renew(shard, of: release, on: connections[worker])
                    #expect(isRenewed == isExpected, "\(step) in \(order)")
                case .store(let worker):
                    guard let shard = held[worker] else { continue }
                    let isStored = model.store(worker)
                    let error = thrown(ReleaseError.self) { try writers[worker].write(drawn.lists, as: shard) }
                    #expect(
                        error == (isStored ? nil : .shardLost(release: release, shard: 0)), "\(step) in \(order)")
                case .expire:
                    guard model.isClaimed, !model.isDone else { continue }
                    model.isExpired = true
                    try database.run(
                        """
                        UPDATE nearline.release_shard SET lease_until = now() - interval '1 second'
                        WHERE release = \(release)
                        """)
                }
                let stored = try database.number("SELECT count(*) FROM nearline.candidate_r\(release)")
                #expect(stored == (model.isDone ? 10 : 0), "\(step) in \(order)")
            }
        }
    }
}
