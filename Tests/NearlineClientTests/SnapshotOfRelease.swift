import Domain
import Foundation
import Postgres
import Snapshots
import TestSupport

extension EmptyDatabase {
    /// Writes a release's tables as a snapshot file.
    func writeSnapshot(of release: Int, _ drawn: DrawnRelease, to path: String) throws {
        func microseconds(_ column: String) throws -> Int64 {
            Int64(
                try number(
                    "SELECT extract(epoch FROM \(column)) * 1000000 FROM nearline.release WHERE release = \(release)"))
        }
        let facts = SnapshotFacts(
            release: release, model: "m1", asOf: try microseconds("as_of"), serveAt: try microseconds("serve_at"),
            createdAt: try microseconds("created_at"), publishedAt: try microseconds("published_at"),
            userType: drawn.userType, itemType: drawn.itemType)
        let writer = try SnapshotWriter(path: path, facts: facts)
        try connection.copyOut(
            "SELECT user_id, payload FROM nearline.candidate_r\(release)", doing: "reading lists"
        ) { row in
            let user = try row.bytes()!
            try writer.add(user: user, payload: try row.bytes()!)
        }
        try connection.copyOut(
            "SELECT item_id FROM nearline.release_item_r\(release) ORDER BY item_row", doing: "reading items"
        ) { try writer.add(item: try $0.bytes()!) }
        for name in try texts(
            "SELECT name AS it FROM nearline.release_cluster WHERE release = \(release) ORDER BY cluster")
        {
            writer.add(cluster: name)
        }
        try connection.copyOut(
            "SELECT key, payload FROM nearline.transition_r\(release)", doing: "reading transitions"
        ) { writer.add(transition: try $0.int64(), payload: Array(try $0.bytes()!)) }
        let fallback = try connection.execute(
            "SELECT payload FROM nearline.fallback WHERE release = $1::int", [.int(Int64(release))], doing: "reading"
        ).first
        if let fallback { writer.set(fallback: try fallback.bytes("payload")) }
        try writer.finish()
    }
}

/// A folder of its own for one test, removed when the test lets go.
final class TemporaryFolder {
    let path = NSTemporaryDirectory() + "nearline-client-" + UUID().uuidString

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }
}
