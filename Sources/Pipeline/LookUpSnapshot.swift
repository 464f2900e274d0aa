import ResultTables
import Snapshots

/// `nearline lookup --snapshot FILE`: a user's list as the file has it; no database is asked.
package struct LookUpSnapshot {
    package var user: String
    package var count: Int
    /// A file, or a folder of which the served one is read.
    package var path: String

    package init(user: String, count: Int, path: String) {
        self.user = user
        self.count = count
        self.path = path
    }

    private struct Facts: Encodable {
        struct Item: Encodable {
            var rank: Int
            var item: String
            var score: Float
            var source: String
        }
        var user: String
        var file: String
        var release: Int
        var model: String
        var asOfMicroseconds: Int64
        var ageSeconds: Double
        var isOwn: Bool
        var items: [Item]
    }

    package func run(_ context: RunContext) throws -> Answer {
        let snapshot = try open()
        let lookup = SnapshotLookup(snapshot), facts = snapshot.facts
        let found = Facts(
            user: user, file: snapshot.path, release: facts.release, model: facts.model, asOfMicroseconds: facts.asOf,
            ageSeconds: Double(context.now - facts.asOf) / 1e6, isOwn: try lookup.isOwn(user),
            items: try lookup.list(of: user).prefix(count).map {
                .init(rank: $0.rank, item: $0.item, score: $0.score, source: $0.source.label)
            })
        let whose = found.isOwn ? "the list of user \(user)" : "user \(user) has no list; the popular one"
        let rows = found.items.map {
            ["\($0.rank)", $0.item, String(($0.score * 1000).rounded() / 1000), $0.source]
        }
        return Answer(
            "\(whose), release \(found.release) in \(found.file), events \(ageText(found.ageSeconds)):\n"
                + table(["rank", "item", "score", "source"], rows), found)
    }

    private func open() throws -> Snapshot {
        isFolder(path) ? try SnapshotFolder(path).openCurrent() : try Snapshot(path: path)
    }
}
