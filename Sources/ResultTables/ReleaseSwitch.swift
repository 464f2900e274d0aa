import Postgres

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Moves the one pointer that readers follow, forwards and back: one transaction, one row, and no reader ever waits for it.
package struct ReleaseSwitch {
    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// Makes a validated release the current one.
    ///
    /// - Parameters:
    ///   - expected: the release that has to be current still, as the gates compared with it; nil for any.
    ///   - reason: for the book; why it was forced, where it was.
    ///   - isForced: takes a superseded or rolled-back release too, as long as its tables are there.
    /// - Returns: sessions that may read the new release as empty until their transaction ends, see
    ///   ``letOlderPlansEnd()``.
    @discardableResult
    package func publish(
        _ number: Int, inPlaceOf expected: Int? = nil, reason: String? = nil, isForced: Bool = false
    ) throws -> Int {
        let unaware = try letOlderPlansEnd()
        try move(to: number, reason: reason, doing: "publishing release \(number)") { current, target in
            if let expected, let current, current != expected {
                throw ReleaseError.supersededMeanwhile(release: expected, by: current)
            }
            let allowed = isForced ? ["validated", "superseded", "rolled_back"] : ["validated"]
            guard allowed.contains(target.state) else {
                throw ReleaseError.notBuilt(release: number, state: target.state)
            }
            return current == nil ? nil : "superseded"
        }
        return unaware
    }

    /// Goes back to a release that was served before; the one that is left is barred from being chosen again.
    ///
    /// - Parameter expected: the release that the caller takes for the current one: what it decided by may have changed.
    package func rollBack(from expected: Int, to number: Int, reason: String?) throws {
        try move(to: number, reason: reason, doing: "rolling back to release \(number)") { current, target in
            guard current == expected else {
                throw ReleaseError.supersededMeanwhile(release: expected, by: current ?? 0)
            }
            guard target.state == "superseded" else {
                throw ReleaseError.notServedBefore(release: number, state: target.state)
            }
            return "rolled_back"
        }
    }

    /// Runs `body` with the pointer at a release that no other session can see there, then takes it all back: so a canary
    /// reads exactly as readers will.
    package func trying(_ number: Int, _ body: () throws -> Void) throws {
        do {
            try connection.transaction(doing: "trying release \(number)") {
                try point(at: number)
                try body()
                throw TakenBack()
            }
        } catch is TakenBack {}
    }

    private struct TakenBack: Error {}

    /// - Parameter check: given the current release and the locked target; answers what becomes of the current one.
    private func move(
        to number: Int, reason: String?, doing: String,
        check: (_ current: Int?, _ target: (state: String, isPruned: Bool)) throws -> String?
    ) throws {
        try connection.transaction(doing: doing) {
            // Two at once take turns; readers do not conflict with this lock.
            try connection.execute(
                "LOCK TABLE nearline.current_release IN SHARE ROW EXCLUSIVE MODE", doing: "waiting to move the pointer")
            let current = try connection.execute(
                "SELECT release FROM nearline.current_release", doing: "reading the pointer"
            ).first?.int("release")
            let row = try connection.execute(
                """
                SELECT state, pruned_at IS NOT NULL AS is_pruned FROM nearline.release WHERE release = $1::int
                FOR UPDATE
                """, [.int(Int64(number))], doing: "locking release \(number)"
            ).first
            guard let row else { throw ReleaseError.unknown(release: number) }
            let target = (state: try row.string("state"), isPruned: try row.bool("is_pruned"))
            let left = try check(current, target)
            guard !target.isPruned else { throw ReleaseError.pruned(release: number) }
            try connection.execute(
                "SELECT set_config('nearline.reason', $1, true)", [.text(reason ?? "")], doing: "noting the reason")
            if let left {
                try connection.execute(
                    "UPDATE nearline.release SET state = $1 WHERE state = 'current'", [.text(left)],
                    doing: "leaving the current release")
            }
            try connection.execute(
                "UPDATE nearline.release SET state = 'current', published_at = now() WHERE release = $1::int",
                [.int(Int64(number))], doing: doing)
            try point(at: number)
        }
    }

    private func point(at number: Int) throws {
        try connection.execute(
            """
            INSERT INTO nearline.current_release (release) VALUES ($1::int)
            ON CONFLICT (only_row) DO UPDATE SET release = EXCLUDED.release, published_at = now()
            """, [.int(Int64(number))], doing: "moving the pointer to release \(number)")
    }

    /// Waits until nobody is left who would read the new release by a plan that was made before its tables were attached:
    /// such a plan does not know them, and finds the release empty once the pointer names it.
    ///
    /// These are statements that are just being planned, which takes milliseconds, and READ COMMITTED transactions that
    /// hold the parents locked since before: PostgreSQL looks for news of a table only when it locks it, and so a prepared
    /// lookup keeps its plan until they end. A statement that runs, and a transaction with one snapshot for all of it, see
    /// the old pointer too, and are not harmed.
    ///
    /// - Returns: how many are left after ten seconds (two, for those in the middle of a statement).
    private func letOlderPlansEnd() throws -> Int {
        let parents = Leaf.allCases.map { "'\($0.parent)'::regclass" }.joined(separator: ", ")
        let since = try connection.execute("SELECT clock_timestamp()::text AS now", doing: "looking at the clock")[0]
            .string("now")
        var idle = 0
        for round in 0..<500 {
            let row = try connection.execute(
                """
                SELECT count(DISTINCT pid) FILTER (WHERE a.state LIKE 'idle%') AS idle,
                    count(DISTINCT pid) FILTER (WHERE coalesce(a.state NOT LIKE 'idle%', true)) AS busy
                FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                WHERE l.relation IN (\(parents)) AND l.mode = 'AccessShareLock' AND l.granted
                    AND l.pid <> pg_backend_pid()
                    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND coalesce(a.xact_start < $1::timestamptz, true)
                    AND NOT (coalesce(a.state LIKE 'idle%', false) AND a.backend_xmin IS NOT NULL)
                """, [.text(since)], doing: "waiting for older transactions")[0]
            idle = try row.int("idle")
            let busy = try row.int("busy")
            if idle == 0, busy == 0 || round >= 100 { return busy }
            usleep(20_000)
        }
        return idle
    }
}
