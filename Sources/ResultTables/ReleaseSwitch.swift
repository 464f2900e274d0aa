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
    ///   - reason: for the book; why it was forced, where it was.
    ///   - isForced: takes a superseded or rolled-back release too, as long as its tables are there.
    package func publish(_ number: Int, reason: String? = nil, isForced: Bool = false) throws {
        try letOlderStatementsBegin()
        try move(to: number, reason: reason, doing: "publishing release \(number)") { current, target in
            let allowed = isForced ? ["validated", "superseded", "rolled_back"] : ["validated"]
            guard allowed.contains(target.state) else {
                throw ReleaseError.notBuilt(release: number, state: target.state)
            }
            return current == nil ? nil : "superseded"
        }
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

    /// Waits, for two seconds at most, until no statement is at work that was planned before the release was attached.
    ///
    /// Such a statement does not know the new partition, and would find it empty if it read the pointer after the move.
    /// Only planning counts, which takes milliseconds; a long one that runs already has its snapshot and is not harmed.
    private func letOlderStatementsBegin() throws {
        let parents = Leaf.allCases.map { "'\($0.parent)'::regclass" }.joined(separator: ", ")
        let since = try connection.execute("SELECT clock_timestamp()::text AS now", doing: "looking at the clock")[0]
            .string("now")
        for _ in 0..<100 {
            let busy = try connection.execute(
                """
                SELECT count(*) AS n FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                WHERE l.relation IN (\(parents)) AND l.granted AND l.pid <> pg_backend_pid()
                    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND coalesce(a.state = 'active', true) AND coalesce(a.query_start < $1::timestamptz, true)
                """, [.text(since)], doing: "waiting for older statements")[0].int("n")
            if busy == 0 { return }
            usleep(20_000)
        }
    }
}
