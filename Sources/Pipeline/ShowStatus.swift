import Ledger
import Postgres
import ResultTables
import Snapshots

/// `nearline status`: is what is served fresh and sound? For people, and by its exit code for monitoring.
package struct ShowStatus {
    package var maxAge: Age
    /// 0 where all is well; else what is worst.
    package private(set) var code = ExitCode.done

    package init(maxAge: Age) { self.maxAge = maxAge }

    package mutating func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema(isReadOnly: true)
        let status = try ServiceStatus(on: connection)
        let atWork = try RunHistory(connection).newest(Self.looked).filter { $0.state == "running" }
        let snapshot = try status.served.map { try snapshotState($0.release, context, on: connection) } ?? .notAsked
        let verdict = StatusVerdict(status, snapshot: snapshot, maxAge: maxAge)
        code = verdict.code
        context.writeMetrics(on: connection)
        return Answer(
            StatusText(status, verdict, atWork, snapshot).text, StatusFacts(status, verdict, atWork, snapshot))
    }

    /// Newest runs that are looked through for those at work.
    private static let looked = 50

    private func snapshotState(
        _ release: Int, _ context: RunContext, on connection: Connection
    ) throws -> StatusVerdict.SnapshotState {
        guard let folder = context.snapshots?.folder else { return .notAsked }
        do throws(SnapshotError) {
            let link = try folder.current()
            guard link == release else { return .behind(link: link) }
            let found = try folder.open(release).facts
            guard try facts(of: release, on: connection) == found else {
                return .damaged(reason: "it is from before its transitions were counted anew")
            }
            return .follows
        } catch {
            return .damaged(reason: "\(error)")
        }
    }

    private func facts(of release: Int, on connection: Connection) throws(SnapshotError) -> SnapshotFacts? {
        try? SnapshotExport(connection).facts(of: release)
    }
}
