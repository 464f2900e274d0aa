import Baselines
import Domain
import Evaluation
import Histories
import Postgres

/// A user whose lists are judged: the history that they are made from, and what came next.
struct JudgedUser: Sendable {
    var user: ExternalID
    /// Engaged items only, whole.
    var history: TokenHistory
    var next: NextSession
    /// The number of the user in the log.
    fileprivate(set) var ordinal: Int
    fileprivate var draw: UInt64
}

/// What an evaluation reads once, for all methods: everybody's histories up to the split, and users with a next session.
struct EvaluationSet {
    let vocabulary: Vocabulary
    private(set) var log: SessionLog
    /// In the order of keys.
    private(set) var judged: [JudgedUser] = []
    /// All who have both a history and a next session, judged or not.
    private(set) var usersWithBoth = 0
    private let mostUsers: Int

    /// - Parameters:
    ///   - upTo: items of events up to here make the catalogue.
    ///   - split: its instant is that of ages, too.
    ///   - weakest: the weakest action that makes an item part of what is to be foreseen.
    ///   - mostUsers: of more, a sample by a hash of the key is judged.
    init(
        _ source: EventSource, upTo: Instant, split: HeldOutSplit, weakest: Action, mostUsers: Int,
        on connection: Connection, _ context: RunContext
    ) throws {
        self.mostUsers = mostUsers
        vocabulary = try context.stage("counting items") {
            try VocabularyReader(source, asOf: upTo.text).read(on: connection)
        }
        var asOf: Int64?
        if case .after = split { asOf = upTo.seconds }
        log = SessionLog(
            items: vocabulary.count, asOf: asOf, tokenBudget: context.settings.int("corpus-tokens"))
        var reader = HeldOutReader(
            source, vocabulary: vocabulary, settings: .whole(gapMinutes: context.settings.int("gap-minutes")),
            split: split, weakest: weakest, now: context.now)
        try context.stage("reading histories") {
            try reader.readEverybody(on: connection) { user, history, next in
                add(user, history.engaged, next)
                if log.usersSeen % 256 == 0 {
                    try context.safePoint()
                    context.progress(log.usersSeen, "users")
                }
            }
            sample()
        }
    }

    private mutating func add(_ user: ExternalID, _ history: TokenHistory, _ next: NextSession?) {
        let ordinal = log.add(history, hash: user.stableHash)
        guard let next, !history.rows.isEmpty else { return }
        usersWithBoth += 1
        // A hash of the hash: whether a user is judged has nothing to do with whether the log keeps it.
        var draw = SeededGenerator(seed: user.stableHash)
        judged.append(JudgedUser(user: user, history: history, next: next, ordinal: ordinal, draw: draw.next()))
        // Memory holds a few times as many as are judged, whatever the number of users.
        if judged.count >= 4 * max(mostUsers, 1024) { sample() }
    }

    private mutating func sample() {
        guard judged.count > mostUsers else { return }
        judged = Array(judged.sorted { ($0.draw, $0.ordinal) < ($1.draw, $1.ordinal) }[..<mostUsers])
        judged.sort { $0.ordinal < $1.ordinal }
    }

    var askers: [Asker] {
        judged.map { Asker(history: $0.history, now: log.now(of: $0.history), place: log.place(of: $0.ordinal)) }
    }

    var targets: [Target] {
        judged.map {
            Target(
                items: $0.next.items, seen: Set($0.history.rows),
                userClass: UserClass(sessions: $0.history.sessions.count), scene: $0.next.scene)
        }
    }
}
