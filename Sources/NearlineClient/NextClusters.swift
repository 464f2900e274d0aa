import Domain

/// The groups of items that most often come next, by counts.
public struct NextClusters: Sendable {
    /// What the answer was looked up by.
    public enum Basis: String, Hashable, Sendable {
        /// The last three clusters, in this order.
        case triple
        /// The older and the latest cluster, in this order.
        case pair
        /// The latest cluster alone.
        case latest
        /// Nothing: what comes next for all users together.
        case everybody
        /// The release has no transitions at all.
        case nothing

        /// Those that are looked up by a key, longest first.
        static let keyed: [Basis] = [.triple, .pair, .latest, .everybody]
    }

    public struct Place: Hashable, Sendable {
        /// From 1.
        public var rank: Int
        public var cluster: String
        public var probability: Float
    }

    public var release: Int
    public var basis: Basis
    public var places: [Place]

    /// The clusters as they are stored; kept so that an answer that is used again needs no new memory.
    var decoded: [Candidate] = []

    /// An empty answer, to be filled again and again by `nextClusters(after:into:)`.
    public init() {
        (release, basis, places) = (0, .nothing, [])
    }
}

extension NextClusters: Hashable {
    public static func == (a: NextClusters, b: NextClusters) -> Bool {
        (a.release, a.basis) == (b.release, b.basis) && a.places == b.places
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(release)
        hasher.combine(basis)
        hasher.combine(places)
    }
}
