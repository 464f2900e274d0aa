import Dispatch
import Domain
import Foundation
import Histories
import Postgres

/// Events of a table with a covering index, as sessions of every user.
struct StreamFigures {
    let users: Int
    let eventsOfEach: Int
    private let items = 200_000

    init(users: Int, eventsOfEach: Int) {
        self.users = users
        self.eventsOfEach = eventsOfEach
    }

    func report() throws {
        let connection = try Connection(applicationName: "history-figures")
        try make(on: connection)
        let source = try EventSource(
            SourceNames(events: "figures_history", items: nil, exclusions: nil), on: connection)
        let none = [Int32](repeating: 0, count: items)
        let vocabulary = Vocabulary(
            itemType: .bigint, items: (0..<items).map { .integer(Int64($0)) }, category: none, seller: none,
            categories: [""], sellers: [""], scenes: [""])
        func reader() -> HistoryReader {
            HistoryReader(
                source, vocabulary: vocabulary, settings: HistorySettings(), asOf: "2026-01-01Z",
                now: 1_790_000_000_000_000)
        }
        let query = reader().query()
        var ratios: [Double] = []
        for _ in 0..<5 {
            let bare = try seconds { try copy(query) }
            var read = reader(), tokens = 0
            let own = try seconds { try read.read(on: connection) { tokens += $1.tokens } }
            ratios.append(bare / own)
            print(
                "psql \\copy \(rate(bare)) rows/s, histories \(rate(own)) rows/s: \(String(format: "%.2f", bare / own)) of it, "
                    + "\(read.events) events, \(tokens) tokens")
        }
        print("median: \(String(format: "%.2f", ratios.sorted()[ratios.count / 2])) of psql's rate")
        try connection.script("DROP TABLE figures_history", doing: "cleaning up")
    }

    private func make(on connection: Connection) throws {
        try connection.script(
            """
            DROP TABLE IF EXISTS figures_history;
            CREATE TABLE figures_history (user_id bigint NOT NULL, item_id bigint NOT NULL, occurred_at timestamptz NOT NULL,
                action text NOT NULL);
            INSERT INTO figures_history
            SELECT u, (hashint8(u * 1000 + n)::bigint & 2147483647) % \(items),
                timestamptz '2025-06-01Z' + n / 8 * interval '20 hours' + n % 8 * interval '3 minutes',
                (ARRAY['impression', 'click', 'cart', 'purchase'])[1 + n % 4]
            FROM generate_series(1, \(users)) u, generate_series(0, \(eventsOfEach - 1)) n;
            CREATE INDEX ON figures_history (user_id, occurred_at) INCLUDE (item_id, action);
            """, doing: "making events")
        try connection.execute("VACUUM ANALYZE figures_history", doing: "vacuuming")
    }

    private func copy(_ query: String) throws {
        let line = query.split(whereSeparator: \.isNewline).joined(separator: " ")
        let process = try ChildProcess(
            "/usr/bin/env", ["psql", "-qX", "-c", "\\copy (\(line)) to '/dev/null' (format binary)"],
            environment: ProcessInfo.processInfo.environment, ChildProcess.Streams(input: nil, output: nil, errors: nil)
        )
        guard process.wait() == 0 else { throw POSIXError(.EIO) }
    }

    private func rate(_ seconds: Double) -> String {
        String(format: "%.2f M", Double(users * eventsOfEach) / seconds / 1e6)
    }

    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        let begin = DispatchTime.now().uptimeNanoseconds
        try body()
        return Double(DispatchTime.now().uptimeNanoseconds - begin) / 1e9
    }
}
