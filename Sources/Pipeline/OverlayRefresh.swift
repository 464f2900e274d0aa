import Domain
import Histories
import Postgres
import ResultTables

/// Makes the lists of given users anew, as the release that is served made them, and puts them into its overlay.
///
/// In three steps, so that the caller says what else belongs to the snapshot of the first and to the transaction of the last:
/// ``read(_:asOf:on:)``, ``lists(of:)``, ``store(_:also:)``.
struct OverlayRefresh {
    /// Users, with all that their lists are made from.
    struct KnownUsers {
        let asOf: Instant
        fileprivate(set) var users: [(user: ExternalID, history: TokenHistory)] = []
        /// Per user, vocabulary rows that must not be in the list.
        fileprivate(set) var excluded: [[Int32]] = []
        /// Without an event of a known item, but with a list of the night or exclusions: they get the popular list.
        fileprivate(set) var withPopular: [(user: ExternalID, excluded: [Int32])] = []
        /// Nothing is known of them at all: what the release says to anybody is right.
        fileprivate(set) var unknown: [ExternalID] = []
        fileprivate(set) var refused = RefusedRows()
        /// The order in which they were asked for.
        fileprivate let places: [ExternalID: Int]
    }

    /// Lists, ready to be stored.
    struct NewLists {
        let asOf: Instant
        fileprivate(set) var lists: [(user: ExternalID, list: [Candidate])]
        fileprivate(set) var withdrawn: [ExternalID]
    }

    /// How far the clock of whoever writes events may be ahead of the database's, in seconds: what happened up to then is
    /// taken in, since it would be forgotten otherwise.
    static let clockSkew = 300

    let served: ServedModel
    private let context: RunContext
    private let source: EventSource
    private let writer: OverlayWriter

    /// - Parameter storing: the session that ``store(_:also:)`` writes on.
    init(_ served: ServedModel, _ source: EventSource, _ context: RunContext, storing: Connection) throws {
        self.served = served
        self.context = context
        self.source = source
        writer = try OverlayWriter(
            served.release, userType: source.userType, limit: context.settings.int("overlay-users"), on: storing)
    }

    /// To be called in a snapshot.
    ///
    /// - Parameter asOf: not before the snapshot, or what committed in between would be left out.
    func read(_ users: [ExternalID], asOf: Instant, on connection: Connection) throws -> KnownUsers {
        let places = Dictionary(zip(users, users.indices), uniquingKeysWith: { first, _ in first })
        var known = KnownUsers(asOf: asOf, places: places)
        guard !users.isEmpty else { return known }
        let ahead = Instant(microseconds: asOf.microseconds + Int64(Self.clockSkew) * 1_000_000)
        var histories = HistoryReader(
            source, vocabulary: served.artifact.vocabulary, settings: served.history,
            asOf: ahead.text, now: ahead.microseconds)
        var strangers = Set(users)
        var resting: [[Int32]] = []
        try histories.read(
            on: connection, users: .only(users),
            restingSince: served.rules.restingSince(servedAt: asOf.microseconds)
        ) { user, history, own in
            try context.safePoint()
            guard !history.rows.isEmpty else { return }
            known.users.append((user, history))
            resting.append(own)
            strangers.remove(user)
        }
        known.refused = histories.refused
        let exclusions = ExclusionReader(source, vocabulary: served.artifact.vocabulary)
        known.excluded = zip(try exclusions.forUsers(known.users.map(\.user), on: connection), resting).map(+)
        let others = users.filter(strangers.contains)
        let withList = try ReleaseCatalogue(connection).users(
            others, type: source.userType, withListIn: served.release.release)
        for (user, excluded) in zip(others, try exclusions.forUsers(others, on: connection)) {
            if excluded.isEmpty, !withList.contains(user) {
                known.unknown.append(user)
            } else {
                known.withPopular.append((user, excluded))
            }
        }
        return known
    }

    func lists(of known: KnownUsers) throws -> NewLists {
        var lists = try served.maker.lists(
            of: known.users, at: known.asOf.seconds, excluded: known.excluded, context)
        for (user, excluded) in known.withPopular {
            lists.append((user, served.popular(without: Set(excluded))))
        }
        // Where room is scarce, who came first gets it.
        lists.sort { known.places[$0.user, default: 0] < known.places[$1.user, default: 0] }
        return NewLists(asOf: known.asOf, lists: lists, withdrawn: known.unknown)
    }

    /// One transaction.
    ///
    /// - Parameter also: done in it, behind the lists.
    func store(_ new: NewLists, also: (OverlayWriter.Outcome) throws -> Void) throws -> OverlayWriter.Outcome {
        try writer.write(new.lists, withdrawing: new.withdrawn, asOf: new.asOf.text, also: also)
    }
}
