import Postgres

/// Everything that the ledger knows of one run.
package struct RunDetail: Sendable {
    package var row: RunRow
    package var endedAt: String?
    /// By name.
    package var settings: [(name: String, value: String)]
    /// By name, those of refused rows apart.
    package var counts: [(name: String, count: Int)]
    /// The longest first.
    package var stages: [(stage: String, seconds: Double)]
    /// By reason: how many rows, and the first few of them.
    package var refused: [(reason: String, rows: Int, sample: [String])]
}

extension RunHistory {
    /// - Parameter sampled: refused rows shown for each reason.
    /// - Returns: nil where there is no such run.
    package func detail(of run: Int, sampled: Int) throws -> RunDetail? {
        let number = [Parameter.int(Int64(run))]
        let row = try connection.execute(
            """
            SELECT \(Self.columns), to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS ended_at
            FROM nearline.runs WHERE run = $1::bigint
            """, number, doing: "reading run \(run)"
        ).first
        guard let row else { return nil }
        let counts = try pairs("counts", "key", of: number)
        let mark = "refused: "
        return RunDetail(
            row: try Self.row(row), endedAt: try row.optionalString("ended_at"),
            settings: try pairs("settings", "key", of: number).map { ($0.0, $0.1) },
            counts: counts.filter { !$0.0.hasPrefix(mark) }.map { ($0.0, Int($0.1) ?? 0) },
            stages: try pairs("stage_seconds", "value::float8 DESC", of: number).map { ($0.0, Double($0.1) ?? 0) },
            refused: try counts.filter { $0.0.hasPrefix(mark) }.map {
                let reason = String($0.0.dropFirst(mark.count))
                return (reason, Int($0.1) ?? 0, try sample(of: run, reason, sampled))
            })
    }

    private func pairs(_ column: String, _ order: String, of run: [Parameter]) throws -> [(String, String)] {
        try connection.execute(
            """
            SELECT key, coalesce(value, '') AS value FROM nearline.run r CROSS JOIN LATERAL jsonb_each_text(r.\(column))
            WHERE r.run = $1::bigint ORDER BY \(order)
            """, run, doing: "reading a run's \(column)"
        ).map { (try $0.string("key"), try $0.string("value")) }
    }

    private func sample(of run: Int, _ reason: String, _ count: Int) throws -> [String] {
        try connection.execute(
            """
            SELECT row_text FROM nearline.quarantine WHERE run = $1::bigint AND reason = $2
            ORDER BY quarantine LIMIT $3::int
            """, [.int(Int64(run)), .text(reason), .int(Int64(count))], doing: "reading the refused rows of run \(run)"
        ).map { try $0.string("row_text") }
    }
}
