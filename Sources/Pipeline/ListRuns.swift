import Ledger

/// `nearline runs`: what ran, when, and how it ended; of runs at work, how far they are.
package struct ListRuns {
    package var count: Int

    package init(count: Int) { self.count = count }

    private struct Facts: Encodable {
        var run: Int
        var command: String
        var state: String
        var date: String?
        var startedAt: String
        var seconds: Double
        var release: Int?
        var peakBytes: Int
        var counts: String
        var error: String?
        var progress: StatusFacts.Progress?
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let runs = try RunHistory(connection).newest(count)
        let facts = runs.map {
            Facts(
                run: $0.run, command: $0.command, state: $0.state, date: $0.date, startedAt: $0.startedAt,
                seconds: $0.seconds,
                release: $0.release, peakBytes: $0.peakBytes, counts: $0.counts, error: $0.error,
                progress: $0.progress.map(StatusFacts.Progress.init))
        }
        let rows = runs.map {
            [
                "\($0.run)", $0.command, $0.state, $0.date ?? "", $0.startedAt,
                String(($0.seconds * 10).rounded() / 10),
                $0.release.map(String.init) ?? "", sizeText($0.peakBytes),
                $0.error ?? $0.progress.map(progressText) ?? "",
            ]
        }
        return Answer(
            rows.isEmpty
                ? "nothing has run yet"
                : table(
                    [
                        "run", "command", "state", "date", "started (UTC)", "seconds", "release", "peak",
                        "error, or how far",
                    ],
                    rows),
            facts)
    }
}
