import Domain
import Postgres
import ResultTables
import TestSupport

/// Users, items, lists and transitions for one release, drawn from a seed, with keys of the types that a test asks for.
struct DrawnRelease {
    let userType: IDType
    let itemType: IDType
    let vocabulary: Vocabulary
    var lists: [(user: ExternalID, list: [Candidate])]
    var fallback: [Candidate]
    var clusters: [String]
    var transitions: [(key: Int64, next: [Candidate])]

    init(users: IDType = .bigint, items: IDType = .bigint, seed: UInt64 = 1, count: Int = 30, itemCount: Int = 50) {
        var draw = SeededGenerator(seed: seed, stream: 0xC11E)
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
        clusters = ["tea", "cups", "it's odd é", "lamps"]
        func next(_ pairs: (UInt32, Float)...) -> [Candidate] {
            pairs.map { Candidate(row: $0.0, score: $0.1, source: .transition) }
        }
        transitions = [
            (0, next((0, 0.5), (3, 0.25))), (1, next((1, 0.75), (2, 0.25))), (2, next((3, 1))),
            (1 << 32 | 2, next((2, 0.5), (3, 0.5))),
        ]
    }

    /// Every list, the fallback too, is the one item `row`: so that a list tells which release it is from.
    func marked(_ row: UInt32) -> DrawnRelease {
        var marked = self
        let list = [Candidate(row: row, score: 1, source: .model)]
        marked.lists = lists.map { ($0.user, list) }
        marked.fallback = list
        return marked
    }

    var strangers: [ExternalID] { lists.indices.map { key(userType, $0 * 3 + 1) } }
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

    /// A whole release, validated and not published.
    @discardableResult
    func build(_ drawn: DrawnRelease) throws -> Int {
        let writer = try ReleaseWriter(
            ReleaseFacts(
                model: "m1", asOf: "2025-01-01 00:00:00.000001Z", serveAt: "2025-01-02Z", settingsHash: "s",
                candidatesPerUser: 25),
            userType: drawn.userType, itemType: drawn.itemType, items: drawn.vocabulary.count, on: connection)
        try writer.write(drawn.lists[...])
        try writer.writeFallback(drawn.fallback)
        try writer.write(TransitionBuild(clusters: drawn.clusters.map { ($0, 5) }, transitions: drawn.transitions))
        try writer.finish(drawn.vocabulary)
        return writer.release
    }

    @discardableResult
    func publish(_ drawn: DrawnRelease) throws -> Int {
        let release = try build(drawn)
        try ReleaseSwitch(connection).publish(release)
        return release
    }

    /// As `prune` does.
    func drop(_ release: Int) throws {
        for table in ["candidate", "overlay", "transition", "release_item"] {
            try run("DROP TABLE nearline.\(table)_r\(release)")
        }
    }

    /// Makes a list of the current release anew, as near-line updates do.
    func update(_ user: ExternalID, _ drawn: DrawnRelease, _ list: [Candidate], asOf: String) throws {
        guard let current = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
        let writer = try OverlayWriter(current, userType: drawn.userType, limit: 1000, on: connection)
        _ = try writer.write([(user, list)], asOf: asOf)
    }
}
