import Postgres
import ResultTables

/// `nearline releases pin N` and `unpin N`: a pinned release is never pruned.
package struct PinRelease {
    package var release: Int
    /// nil takes the pin out.
    package var reason: String?

    package init(release: Int, reason: String?) {
        self.release = release
        self.reason = reason
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let row = try ReleaseCatalogue(connection).release(release)
        guard !row.isPruned else { throw ReleaseError.pruned(release: release) }
        guard row.state != "building" else { throw ReleaseError.unfinished(release: release) }
        if row.pinReason == reason {
            return Answer(
                "nothing to do: release \(release) is \(reason == nil ? "not " : "")pinned", ["release": release])
        }
        try connection.execute(
            "UPDATE nearline.release SET pin_reason = $2 WHERE release = $1::int",
            [.int(Int64(release)), Parameter(reason)], doing: "pinning release \(release)")
        return Answer(
            reason.map { "release \(release) is pinned: \($0)" } ?? "release \(release) is no longer pinned",
            ["release": release])
    }
}
