import Domain

/// Why an item is in a list.
public enum ItemSource: String, Hashable, Sendable {
    /// The model's prediction of the next session.
    case model
    /// The user's own items of before.
    case `repeat`
    /// Had together with what the user had, or of the groups that most often come next.
    case transition
    /// What is popular.
    case popular

    init(_ source: CandidateSource) {
        self =
            switch source {
            case .model: .model
            case .repeat: .repeat
            case .transition: .transition
            case .popular: .popular
            }
    }
}

/// Where a list comes from.
public enum ListOrigin: String, Hashable, Sendable {
    /// The user's own list of the release.
    case own
    /// The user's own list, computed anew since the release was published.
    case overlay
    /// The list for users who have none.
    case fallback
}

/// One place of a list.
public struct ListedItem: Hashable, Sendable {
    /// From 1.
    public var rank: Int
    public var item: ItemKey
    /// Higher is better; only comparable within one list.
    public var score: Float
    public var source: ItemSource
}

/// A user's candidates, best first: whole, and all of one release.
public struct CandidateList: Sendable {
    public internal(set) var release = 0
    /// The events up to here are in the list: the release's, or a later instant where ``origin`` is `overlay`.
    public internal(set) var asOf = Instant(microsecondsSince1970: 0)
    /// nil from a snapshot that was written before its release was published.
    public internal(set) var publishedAt: Instant?
    public internal(set) var origin = ListOrigin.fallback
    public internal(set) var items: [ListedItem] = []

    /// The candidates as they are stored; kept so that a list that is used again needs no new memory.
    var decoded: [Candidate] = []

    /// An empty list, to be filled again and again by `candidates(for:count:into:)`.
    public init() {}

    /// How old the events are that the list was made from.
    public func age(at now: Instant = .now) -> Duration { now.since(asOf) }
}

extension CandidateList: Equatable {
    public static func == (a: CandidateList, b: CandidateList) -> Bool {
        (a.release, a.asOf, a.publishedAt, a.origin) == (b.release, b.asOf, b.publishedAt, b.origin)
            && a.items == b.items
    }
}
