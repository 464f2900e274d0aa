import Ledger

/// `nearline runs RUN`: one run in detail.
package struct ShowRun {
    package var run: Int

    package init(run: Int) { self.run = run }

    private struct Facts: Encodable {
        var run: Int
        var command: String
        var state: String
        var date: String?
        var startedAt: String
        var endedAt: String?
        var seconds: Double
        var release: Int?
        var peakBytes: Int
        var error: String?
        var progress: StatusFacts.Progress?
        var settings: [String: String]
        var counts: [String: Int]
        var stageSeconds: [String: Double]
        var refused: [Refused]
    }

    private struct Refused: Encodable {
        var reason: String
        var rows: Int
        var sample: [String]
    }

    /// Refused rows shown for each reason.
    private static let sampled = 5

    package func run(_ context: RunContext) throws -> Answer {
        let history = RunHistory(try context.connectToSchema(isReadOnly: true))
        guard let detail = try history.detail(of: run, sampled: Self.sampled) else { throw JobError.unknownRun(run) }
        let row = detail.row
        return Answer(
            text(of: detail),
            Facts(
                run: row.run, command: row.command, state: row.state, date: row.date, startedAt: row.startedAt,
                endedAt: detail.endedAt,
                seconds: row.seconds, release: row.release, peakBytes: row.peakBytes, error: row.error,
                progress: row.progress.map(StatusFacts.Progress.init),
                settings: Dictionary(detail.settings.map { ($0.name, $0.value) }) { $1 },
                counts: Dictionary(detail.counts.map { ($0.name, $0.count) }) { $1 },
                stageSeconds: Dictionary(detail.stages.map { ($0.stage, $0.seconds) }) { $1 },
                refused: detail.refused.map { Refused(reason: $0.reason, rows: $0.rows, sample: $0.sample) }))
    }

    private func text(of detail: RunDetail) -> String {
        let row = detail.row
        var head = [
            ["run", "\(row.run)"], ["command", row.command], ["state", row.state], ["started", row.startedAt + " UTC"],
            ["ended", detail.endedAt.map { $0 + " UTC" } ?? "not yet"], ["took", seconds(row.seconds) + " s"],
            ["peak memory", row.peakBytes > 0 ? sizeText(row.peakBytes) : "not known"],
        ]
        if let date = row.date { head.append(["for the day", date]) }
        if let release = row.release { head.append(["release", "\(release)"]) }
        if let progress = row.progress { head.append(["now", progressText(progress)]) }
        if let error = row.error { head.append(["error", error]) }
        var parts = [table(["", ""], head)]
        if !detail.stages.isEmpty {
            let rows = detail.stages.map { [$0.stage, seconds($0.seconds), share($0.seconds, of: row.seconds)] }
            parts.append(table(["stage", "seconds", "share"], rows))
        }
        if !detail.counts.isEmpty {
            parts.append(table(["count", ""], detail.counts.map { [$0.name, "\($0.count)"] }))
        }
        for refused in detail.refused {
            let sample = refused.sample.map { "  " + $0.replacing(#/\R/#, with: " ") }
            parts.append((["\(refused.rows) rows refused: \(refused.reason)"] + sample).joined(separator: "\n"))
        }
        if !detail.settings.isEmpty {
            parts.append(table(["setting", "value"], detail.settings.map { [$0.name, $0.value] }))
        }
        return parts.joined(separator: "\n\n")
    }

    private func seconds(_ value: Double) -> String { String((value * 100).rounded() / 100) }

    private func share(_ part: Double, of whole: Double) -> String { whole > 0 ? percentText(part / whole) : "" }
}
