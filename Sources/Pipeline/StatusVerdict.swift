import Ledger

/// Whether what is served is fresh and sound: a plain function of what was found, so that it can be tested without a clock.
package struct StatusVerdict: Equatable, Sendable {
    /// How the snapshot link stands to the current release.
    package enum SnapshotState: Equatable, Sendable {
        case notAsked
        case follows
        case behind(link: Int?)
        case damaged(reason: String)
    }

    /// What is wrong with what is served, the worst first; empty where all is well.
    package private(set) var problems: [String] = []
    /// What somebody should look at, though readers get what they should.
    package private(set) var notes: [String] = []
    package private(set) var code = ExitCode.done

    package init(_ status: ServiceStatus, snapshot: SnapshotState, maxAge: Age) {
        if let served = status.served {
            judge(served, snapshot, maxAge)
        } else {
            blame(.missingInput, "nothing is published; run nearline train and nearline precompute")
        }
        note(status)
    }

    private mutating func judge(_ served: ServedRelease, _ snapshot: SnapshotState, _ maxAge: Age) {
        let name = "release \(served.release)"
        if !served.hasLists {
            blame(
                .data,
                "\(name) should hold lists of \(served.users) users and holds none; run nearline rollback, or "
                    + "nearline precompute --again")
        }
        switch snapshot {
        case .notAsked, .follows: break
        case .behind(let link):
            blame(
                .data,
                "\(name) is current, the snapshot link names \(link.map { "release \($0)" } ?? "nothing"); "
                    + "run nearline publish with the same snapshot folder")
        case .damaged(let reason):
            blame(
                .data, "the snapshot of \(name) cannot be served: \(reason); run nearline publish, which writes it anew"
            )
        }
        if served.age > maxAge.seconds {
            blame(
                .heldOrLate,
                "the events of \(name) are \(ageText(served.age)), --max-age is \(maxAge.text); "
                    + "see nearline runs, then run nearline precompute")
        }
    }

    private mutating func blame(_ code: ExitCode, _ problem: String) {
        if problems.isEmpty { self.code = code }
        problems.append(problem)
    }

    /// Seconds; a refresh by cron comes by more often.
    private static let longWait = 7200.0

    private mutating func note(_ status: ServiceStatus) {
        if let served = status.served, served.gatesFailed > 0 {
            notes.append("release \(served.release) was published by force: \(served.gatesFailed) gates had failed")
        }
        if let waiting = status.waitingRelease {
            let why =
                status.waitingGatesFailed > 0 ? "\(status.waitingGatesFailed) gates refused it" : "nobody published it"
            notes.append("release \(waiting) waits, \(why); see nearline releases")
        }
        if !status.unfinishedReleases.isEmpty, status.runsAtWork == 0 {
            let numbers = status.unfinishedReleases.map(String.init).joined(separator: ", ")
            notes.append(
                "unfinished and with nobody at work: release \(numbers); nearline precompute goes on, or prune drops it"
            )
        }
        if status.refresh.usersDeferred > 0 {
            notes.append(
                "\(status.refresh.usersDeferred) users found the overlay full and wait for the next release; "
                    + "see overlay-users in nearline config")
        }
        if let oldest = status.refresh.oldestWaiting, oldest > Self.longWait {
            notes.append(
                "users have waited for a new list, the first of them since a change that is \(ageText(oldest)); "
                    + "run nearline refresh")
        }
        if status.runsLost > 0 {
            notes.append("\(status.runsLost) runs of the last day ended without a word; see nearline runs")
        }
        for command in status.commands where command.state == "failed" {
            notes.append("the last \(command.command) (run \(command.run)) failed; see nearline runs \(command.run)")
        }
    }
}
