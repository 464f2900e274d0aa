import Ledger
import Postgres
import ResultTables

/// `nearline refresh`: users with new events, or exclusions, get their lists made anew into the overlay of the release that is
/// served. Once, until nobody waits; or as a service that goes on.
package struct RefreshLists {
    /// nil runs once.
    package var every: Age?

    package init(every: Age?) { self.every = every }

    private struct Facts: Encodable {
        var release: Int?
        var rounds: Int
        var users: Int
        var lists: Int
        var usersWithoutRoom: Int
        var delayP50Ms: Int?
        var delayP99Ms: Int?
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let source = try context.source(on: connection)
        guard try RefreshQueue(connection).isFed() else { throw JobError.notFed(events: source.names.events) }
        guard try ReleaseCatalogue(connection).current() != nil else { throw ReleaseError.noRelease }
        if try source.hasUserIndex(inOrder: false, on: connection) == false {
            context.log.warning(
                "every round reads all events, for want of an index",
                metadata: ["run": "CREATE INDEX ON \(source.events) (user_id, occurred_at)"])
        }
        var answer: Answer?
        try context.booked(on: connection, settings: context.settings.json(Self.decisive)) { ledger, report in
            let rounds = try RefreshRounds(
                context, source: source, ledger: ledger, storing: connection, isService: every != nil)
            defer {
                report.counts = rounds.figures.counts
                report.release = rounds.release
            }
            if let every {
                try RefreshService(context, rounds, storing: connection, every: every.seconds).run()
            }
            _ = try rounds.emptyQueue()
            answer = summary(rounds)
        }
        return answer!
    }

    private static let decisive = ["events", "items", "exclusions", "refresh-users", "overlay-users"]

    private func summary(_ rounds: RefreshRounds) -> Answer {
        let figures = rounds.figures, (median, slow) = (figures.delays.quantile(0.5), figures.delays.quantile(0.99))
        let facts = Facts(
            release: rounds.release, rounds: figures.rounds, users: figures.users, lists: figures.lists,
            usersWithoutRoom: figures.turnedAway, delayP50Ms: median, delayP99Ms: slow)
        guard figures.users > 0, let release = rounds.release else {
            return Answer("nothing to do: nobody waits for a new list", facts)
        }
        var text = "made \(figures.lists) lists of release \(release) anew, for \(figures.users) users with changes"
        if let median, let slow { text += "; half of them waited \(median) ms, 99 of 100 at most \(slow) ms" }
        if figures.turnedAway > 0 {
            text += "\nthe overlay is full: \(figures.turnedAway) users wait for the next release (overlay-users)"
        }
        return Answer(text, facts)
    }
}
