import Domain
import Histories
import Postgres
import TestSupport

/// The source relations of one test, with key types of its choice, in a schema of its own.
final class SourceTables {
    let connection: Connection
    private let database: TestDatabase

    /// - Parameter more: further columns of the events, such as "session_id text, scene text".
    init(users: String = "bigint", items: String = "bigint", more: String? = nil) throws {
        database = try TestDatabase()
        connection = database.connection
        try connection.script(
            """
            CREATE TABLE events (
                user_id \(users), item_id \(items), occurred_at timestamptz, action text\(more.map { ", " + $0 } ?? ""))
            """, doing: "making the events")
    }

    func run(_ sql: String) throws { try connection.script(sql, doing: "preparing a test") }

    /// - Parameter rows: as they stand behind VALUES.
    func insert(_ rows: String) throws { try run("INSERT INTO events VALUES \(rows)") }

    func source(items: String? = nil, exclusions: String? = nil) throws -> EventSource {
        try EventSource(SourceNames(events: "events", items: items, exclusions: exclusions), on: connection)
    }

    /// The vocabulary of the events up to the end of 2025.
    func vocabulary(items: String? = nil, asOf: String = "2026-01-01Z") throws -> Vocabulary {
        try VocabularyReader(source(items: items), asOf: asOf).read(on: connection)
    }

    /// Everything that one pass finds, up to the end of 2025.
    func read(
        asOf: String = "2026-01-01Z", now: Int64 = Moment.year2026, vocabulary: Vocabulary? = nil,
        settings: HistorySettings = HistorySettings()
    ) throws -> Pass {
        let source = try source()
        var reader = HistoryReader(
            source, vocabulary: try vocabulary ?? self.vocabulary(), settings: settings, asOf: asOf, now: now)
        var pass = Pass()
        try reader.read(on: connection) { user, history in
            pass.users.append(user)
            pass.histories.append(history)
        }
        pass.refused = reader.refused
        pass.events = reader.events
        pass.unknownItems = reader.unknownItems
        return pass
    }
}

/// What a pass over the events gave, in the order it came.
struct Pass {
    var users: [ExternalID] = []
    var histories: [TokenHistory] = []
    var refused = RefusedRows()
    var events = 0
    var unknownItems = 0
}

/// Instants in microseconds since the epoch.
enum Moment {
    static let year2024: Int64 = 1_704_067_200_000_000
    static let year2026: Int64 = 1_767_225_600_000_000
}

/// A vocabulary of bare items, for readers that are given one.
func vocabulary(_ type: IDType, _ items: [ExternalID], scenes: [String] = [""]) -> Vocabulary {
    let none = [Int32](repeating: 0, count: items.count)
    return Vocabulary(
        itemType: type, items: items, category: none, seller: none, categories: [""], sellers: [""], scenes: scenes)
}

/// The error that `body` throws, if it is about a source.
func sourceError(_ body: () throws -> Void) -> SourceError? {
    do {
        try body()
        return nil
    } catch {
        return error as? SourceError
    }
}
