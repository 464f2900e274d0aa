import Foundation

/// The same counts by DuckDB from a Parquet file, for comparison; needs a Python that has it.
struct DuckDB {
    private let python: String
    private let folder: String

    /// Nil where `NEARLINE_DUCKDB_PYTHON` names no Python.
    init?(folder: String) {
        guard let python = ProcessInfo.processInfo.environment["NEARLINE_DUCKDB_PYTHON"] else { return nil }
        self.python = python
        self.folder = folder
    }

    private static let script = """
        import duckdb, sys, time
        users, clusters, times, parquet, threads = sys.argv[1:]
        import numpy as np
        db = duckdb.connect()
        db.execute(f"SET threads = {threads}")
        u, c, t = np.fromfile(users, np.int32), np.fromfile(clusters, np.int32), np.fromfile(times, np.int64)
        db.register("raw", {"u": u, "c": c, "t": t})
        db.execute(f"COPY (SELECT u AS user_id, c AS cluster, t AS done_at FROM raw) TO '{parquet}' (FORMAT parquet)")
        db.unregister("raw")
        best = 1e9
        for _ in range(3):
            begin = time.time()
            counts = db.execute(f'''
                WITH places AS (
                    SELECT user_id, cluster, done_at, lag(cluster) OVER (PARTITION BY user_id ORDER BY done_at) AS before
                    FROM read_parquet('{parquet}')
                ), steps AS (SELECT * FROM places WHERE before IS DISTINCT FROM cluster), keys AS (
                    SELECT cluster AS next, before AS latest,
                        lag(before) OVER (PARTITION BY user_id ORDER BY done_at) AS older
                    FROM steps
                )
                SELECT count(*), sum(n) FROM (
                    SELECT older, latest, next, count(*) AS n FROM keys
                    WHERE older IS NOT NULL AND older <> next GROUP BY ALL)
                ''').fetchone()
            best = min(best, time.time() - begin)
        print(best, counts[0], int(counts[1]))
        """

    /// The best time of three in seconds, and how many pairs with a next cluster there are, distinct and in all.
    func run(_ events: DrawnEvents, threads: Int) throws -> (seconds: Double, distinct: Int, all: Int) {
        let paths = ["users", "clusters", "times", "parquet", "script"].map { folder + "/" + $0 }
        try write(events.users, paths[0])
        try write(events.items.map(DrawnEvents.cluster), paths[1])
        try write(events.times, paths[2])
        try Data(DuckDB.script.utf8).write(to: URL(fileURLWithPath: paths[4]))
        let process = Process(), output = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [paths[4]] + paths[0..<4] + ["\(threads)"]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let fields = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard process.terminationStatus == 0, fields.count == 3 else { throw DuckDBFailed() }
        return (fields[0], Int(fields[1]), Int(fields[2]))
    }

    private func write<T>(_ values: [T], _ path: String) throws {
        try values.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: path)) }
    }
}

struct DuckDBFailed: Error, CustomStringConvertible {
    let description = "DuckDB did not answer; NEARLINE_DUCKDB_PYTHON has to name a Python with duckdb and numpy"
}
