import Domain
import Postgres
import ResultTables

/// A release as a nightly run builds it, but for the making of its lists.
struct ReleaseLoad: Sendable {
    let users: Int
    let drawn: DrawnLists
    let vocabulary: Vocabulary
    static let usersPerShard = 16_384

    /// Builds a release up to `validated`.
    func run(on connection: Connection) throws -> (release: Int, payloadBytes: Int, times: LoadTimes) {
        var times = LoadTimes(), made: ReleaseWriter?
        times.whole += try seconds {
            made = try connection.writer(listLength: drawn.lists[0].count, items: vocabulary.count)
        }
        let writer = made!
        for first in stride(from: 0, to: users, by: Self.usersPerShard) {
            let shard = shard(first..<min(first + Self.usersPerShard, users))
            try times.measureCopy(connection) { try writer.write(shard) }
        }
        times.whole +=
            try times.copy
            + seconds {
                try writer.writeFallback(drawn.lists[0])
                try writer.finish(vocabulary)
            }
        return (writer.release, writer.payloadBytes, times)
    }

    func shard(_ users: Range<Int>) -> [(user: ExternalID, list: [Candidate])] {
        users.map { (.integer(DrawnLists.key($0)), drawn.list(of: $0)) }
    }
}
