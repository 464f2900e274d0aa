import Domain
import Histories
import Ledger
import Logging
import Postgres
import ResultTables

/// Empties the queue of users, round by round: who waits is read with their events in one snapshot, and stored with taking
/// them from the queue in one transaction. Killed anywhere in between, the next round does the same again.
final class RefreshRounds {
    private let context: RunContext
    private let source: EventSource
    private let ledger: RunLedger
    private let reader: Connection
    private let storing: Connection
    /// A service waits for its database for ever.
    private let isService: Bool
    private var refresh: OverlayRefresh?
    /// Up to where the queue was emptied by this process.
    private(set) var place: RefreshQueue.Place?
    private var mustRegain = false
    private var retries: Retries
    private(set) var figures = RefreshFigures()
    /// The release that was written for last.
    var release: Int? { refresh?.served.release.release }

    init(
        _ context: RunContext, source: EventSource, ledger: RunLedger, storing: Connection, isService: Bool
    ) throws {
        self.context = context
        self.source = source
        self.ledger = ledger
        self.storing = storing
        self.isService = isService
        reader = try context.connect("reader")
        retries = Retries(context, isEndless: isService)
    }

    /// - Returns: users whose turn it was.
    func emptyQueue() throws -> Int {
        let before = figures.users
        while try !persisting(round) {}
        return figures.users - before
    }

    /// Does it, and does it again after what may pass: another release meanwhile, a lost session. A service takes its run
    /// back where it was given up, unless another has begun.
    func persisting<T>(_ body: () throws -> T) throws -> T {
        while true {
            do {
                if let value = try attempt(body) { return value }
            } catch LedgerError.lost where isService && !mustRegain {
                context.log.warning(
                    "the run was given up meanwhile; taking it back", metadata: ["run": "\(ledger.run)"])
                mustRegain = true
                context.heartbeat?.regained()
            }
        }
    }

    /// nil where it has to be done again.
    private func attempt<T>(_ body: () throws -> T) throws -> T? {
        do {
            try context.safePoint()
            try reconnect()
            let value = try body()
            retries.succeeded()
            return value
        } catch ReleaseError.supersededMeanwhile(_, let by) {
            context.log.info("another release is current", metadata: ["release": "\(by)"])
        } catch let error as PostgresError {
            try retries.wait(after: error)
        }
        return nil
    }

    private func reconnect() throws {
        _ = try reader.reconnectIfLost()
        guard try storing.reconnectIfLost() || mustRegain else { return }
        try ledger.reattach()
        context.heartbeat?.regained()
        mustRegain = false
    }

    /// - Returns: whether it saw the whole queue.
    private func round() throws -> Bool {
        let refresh = try follow(), settings = context.settings, queue = RefreshQueue(storing)
        let release = refresh.served.release.release
        try queue.readmit(into: release, limit: settings.int("overlay-users"))
        let (reading, users, known) = try reader.transaction(.readOnlySnapshot, doing: "reading who waits") {
            let reading = try RefreshQueue(reader).read(users: settings.int("refresh-users"), behind: place)
            let users = reading.users.compactMap(key)
            return try (
                reading, users, refresh.read(users, asOf: Instant(microseconds: reading.asOf), on: reader)
            )
        }
        guard !reading.users.isEmpty else {
            let end = try storing.transaction(doing: "noting that nobody waits") {
                try ledger.requireHeld()
                return try queue.take(reading, deferring: [], run: ledger.run)
            }
            place = end ?? place
            return true
        }
        let new = try refresh.lists(of: known)
        var end: RefreshQueue.Place?
        let outcome = try refresh.store(new) { outcome in
            // A process that was frozen beyond its lease stores nothing.
            try ledger.requireHeld()
            end = try queue.take(reading, deferring: outcome.turnedAway, run: ledger.run)
        }
        // Not before it is committed.
        place = end ?? place
        try tell(reading, known, new, outcome, badKeys: reading.users.count - users.count)
        return reading.isWhole
    }

    /// The key that the text of the queue stands for; nil for what cannot be one.
    private func key(_ text: String) -> ExternalID? {
        guard source.userType == .text else { return source.userType.parse(text) }
        return source.userType.isOverlong(text.utf8.count) ? nil : .text(text)
    }

    /// The release that is served now, with its model.
    private func follow() throws -> OverlayRefresh {
        guard let current = try ReleaseCatalogue(storing).current() else { throw ReleaseError.noRelease }
        if refresh?.served.release.release != current.release {
            let served = try ServedModel(current, source, context, on: storing)
            refresh = try OverlayRefresh(served, source, context, storing: storing)
        }
        let queue = RefreshQueue(storing)
        if try queue.followed() != current.release {
            let users = try queue.follow(current.release, tolerance: OverlayRefresh.clockSkew)
            context.log.info(
                "following another release", metadata: ["release": "\(current.release)", "users": "\(users)"])
        }
        try refresh!.served.lookForDenied(context, on: storing)
        return refresh!
    }

    private func tell(
        _ reading: RefreshQueue.Reading, _ known: OverlayRefresh.KnownUsers, _ new: OverlayRefresh.NewLists,
        _ outcome: OverlayWriter.Outcome, badKeys: Int
    ) throws {
        let now = try storing.execute(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now", doing: "looking at the clock")
        let storedAt = Int64(try now[0].int("now"))
        var delays = Delays()
        for touchedAt in reading.touchedAt { delays.add(microseconds: storedAt - touchedAt) }
        let lists = new.lists.count - outcome.turnedAway.count
        figures.add(
            users: reading.users.count, lists: lists, withdrawn: new.withdrawn.count,
            turnedAway: outcome.turnedAway.count, badKeys: badKeys, refused: known.refused, delays)
        try ledger.quarantine(known.refused.sample.map { (source.names.events, $0.reason.rawValue, $0.text) })
        context.progress(figures.users, "users")
        context.log.info(
            "lists made anew",
            metadata: [
                "users": "\(reading.users.count)", "lists": "\(lists)",
                "delay_p50_ms": "\(delays.quantile(0.5) ?? 0)", "delay_p99_ms": "\(delays.quantile(0.99) ?? 0)",
            ])
        if badKeys > 0 {
            context.log.warning(
                "the queue holds keys that are none of the source's type",
                metadata: ["users": "\(badKeys)", "type": "\(source.userType.rawValue)"])
        }
        if !outcome.turnedAway.isEmpty {
            context.log.warning(
                "the overlay is full: more users wait for the next release",
                metadata: ["users": "\(outcome.turnedAway.count)", "overlay": "\(outcome.users)"])
        }
    }
}
