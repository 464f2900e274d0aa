import TestSupport
import Domain
import Postgres
import ResultTables

/// Users, items and lists for one release, drawn from a seed, with keys of the types that a test asks for.
struct DrawnRelease {
    let userType: IDType
    let itemType: IDType
    let vocabulary: Vocabulary
    let lists: [(user: ExternalID, list: [Candidate])]
    let fallback: [Candidate]

    init(users: IDType = .bigint, items: IDType = .bigint, seed: UInt64 = 1, count: Int = 30, itemCount: Int = 50) {
        var draw = SeededGenerator(seed: seed, stream: 0x11575)
        userType = users
        itemType = items
        let none = [Int32](repeating: 0, count: itemCount)
        vocabulary = Vocabulary(
            itemType: items, items: (0..<itemCount).map { key(items, $0) }, category: none, seller: none,
            categories: [""], sellers: [""], scenes: [""])
        func list(_ length: Int) -> [Candidate] {
            let rows = (0..<UInt32(itemCount)).shuffled(using: &draw).prefix(length)
            let scores = rows.map { _ in Float(draw.uniform() * 2 - 1) }.sorted(by: >)
            return zip(rows, scores).map {
                Candidate(row: $0, score: $1, source: CandidateSource(rawValue: UInt8(draw.below(4)))!)
            }
        }
        lists = (0..<count).map { (key(users, $0 * 3), list(1 + $0 % 25)) }
        fallback = list(12)
    }

    /// Lists by the number of the user.
    init(_ other: DrawnRelease, list: (Int) -> [Candidate]) {
        (userType, itemType, vocabulary) = (other.userType, other.itemType, other.vocabulary)
        lists = other.lists.enumerated().map { ($1.user, list($0)) }
        fallback = other.fallback
    }

    /// The same list for everybody.
    init(_ other: DrawnRelease, everyList list: [Candidate]) {
        (userType, itemType, vocabulary) = (other.userType, other.itemType, other.vocabulary)
        lists = other.lists.map { ($0.user, list) }
        fallback = list
    }
}

/// A key of this type that needs care: quotes, signs, both halves of a uuid.
func key(_ type: IDType, _ number: Int) -> ExternalID {
    switch type {
    case .int: .integer(Int64(Int32.min) + Int64(number))
    case .bigint: .integer(Int64.max - Int64(number))
    case .uuid: .uuid(UUIDKey(high: UInt64(number) &* 0x9e37_79b9_7f4a_7c15, low: ~UInt64(number)))
    case .text: .text("it's \"no\" \(number) \\ {é,ü}")
    }
}

extension EmptyDatabase {
    /// A migrated database that knows one model.
    static func migrated() throws -> EmptyDatabase {
        let database = try EmptyDatabase()
        _ = try Migrator(database.connection).migrate()
        try database.run(
            """
            INSERT INTO nearline.model (model, file, as_of, vocabulary_hash, item_type, settings)
            VALUES ('m1', 'm1.safetensors', '2025-01-01Z', 'h', 'bigint', '{}')
            """)
        return database
    }

    func state(of release: Int) throws -> String { try ReleaseCatalogue(connection).release(release).state }
}

extension Connection {
    /// Begins a release.
    func writer(_ drawn: DrawnRelease) throws -> ReleaseWriter {
        try ReleaseWriter(
            ReleaseFacts(
                model: "m1", asOf: "2025-01-01Z", serveAt: "2025-01-02Z", settingsHash: "s", candidatesPerUser: 25),
            userType: drawn.userType, itemType: drawn.itemType, items: drawn.vocabulary.count, on: self)
    }

    /// A whole release, validated and not published.
    @discardableResult
    func build(
        _ drawn: DrawnRelease, clusters: [(name: String, items: Int)] = [],
        transitions: [(key: Int64, next: [Candidate])] = []
    ) throws -> Int {
        let writer = try writer(drawn)
        try writer.write(drawn.lists[..<(drawn.lists.count / 2)])
        try writer.write(drawn.lists[(drawn.lists.count / 2)...])
        try writer.writeFallback(drawn.fallback)
        try writer.write(TransitionBuild(clusters: clusters, transitions: transitions))
        try writer.finish(drawn.vocabulary)
        return writer.release
    }

    @discardableResult
    func publish(_ drawn: DrawnRelease) throws -> Int {
        let release = try build(drawn)
        try ReleaseSwitch(self).publish(release)
        return release
    }
}
