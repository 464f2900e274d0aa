import Foundation
import Ledger

/// The status as a person reads it: first whether all is well, then the facts.
struct StatusText {
    private let status: ServiceStatus
    private let verdict: StatusVerdict
    private let atWork: [RunRow]
    private let snapshot: StatusVerdict.SnapshotState

    init(
        _ status: ServiceStatus, _ verdict: StatusVerdict, _ atWork: [RunRow], _ snapshot: StatusVerdict.SnapshotState
    ) {
        (self.status, self.verdict, self.atWork, self.snapshot) = (status, verdict, atWork, snapshot)
    }

    var text: String {
        var lines = verdict.problems.isEmpty ? [fine] : verdict.problems.map { "NOT WELL: \($0)" }
        lines += verdict.notes.map { "note: \($0)" }
        if let served = status.served { lines.append(table(["", ""], facts(of: served))) }
        lines += atWork.map {
            "at work: \($0.command), run \($0.run)\($0.progress.map { ", \(progressText($0))" } ?? "")"
        }
        if !status.commands.isEmpty { lines.append("\n" + commands) }
        return lines.joined(separator: "\n")
    }

    private var fine: String {
        guard let served = status.served else { return "" }
        return "well: release \(served.release) is served, its events are \(ageText(served.age))"
    }

    private func facts(of served: ServedRelease) -> [[String]] {
        var rows = [
            ["release", "\(served.release), made by \(served.model)"],
            ["events", ageText(served.age)],
            ["published", "\(ageText(served.publishedAge).replacing(" old", with: "")) ago"],
            [
                "lists",
                "\(served.users) users, \(sizeText(served.payloadBytes)); \(served.overlayUsers) made anew since",
            ],
        ]
        if let build = served.transitions {
            rows.append([
                "transitions", "\(served.transitionKeys) keys, build \(build.build), events \(ageText(build.age))",
            ])
        }
        if status.refresh.isFed { rows.append(["near-line", refresh(status.refresh)]) }
        if snapshot == .follows { rows.append(["snapshot", "is that of release \(served.release)"]) }
        return rows
    }

    private func refresh(_ refresh: RefreshStatus) -> String {
        var text = refresh.usersWaiting == 0 ? "nobody waits" : "\(refresh.usersWaiting) users wait"
        if let oldest = refresh.oldestWaiting { text += ", the oldest change is \(ageText(oldest))" }
        if let age = refresh.refreshed {
            text += "; last refresh \(ageText(age).replacing(" old", with: "")) ago"
        } else {
            text += "; never refreshed"
        }
        return text
    }

    private var commands: String {
        table(
            ["command", "last run", "state", "started (UTC)", "seconds", "last success (UTC)"],
            status.commands.map {
                [
                    $0.command, "\($0.run)", $0.state, $0.startedText, String(($0.seconds * 10).rounded() / 10),
                    $0.lastSuccessText ?? "never",
                ]
            })
    }
}

/// "making lists: 1200 of 5000 users, 300/s, 13 s left", as far as it is known.
func progressText(_ progress: RunPosition) -> String {
    var parts: [String] = []
    if let done = progress.done {
        parts.append("\(done)\(progress.total.map { " of \($0)" } ?? "") \(progress.unit ?? "")")
    }
    if let rate = progress.rate { parts.append("\(Int(rate))/s") }
    if let left = progress.secondsLeft, left >= 0 { parts.append("\(Int(left)) s left") }
    return parts.isEmpty ? progress.stage : progress.stage + ": " + parts.joined(separator: ", ")
}
