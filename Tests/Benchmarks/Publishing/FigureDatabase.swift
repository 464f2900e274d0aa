import Domain
import Postgres
import ResultTables
import TestSupport

extension EmptyDatabase {
    /// A migrated database that knows the one model that all releases here claim.
    static func forFigures() throws -> EmptyDatabase {
        let database = try EmptyDatabase()
        _ = try Migrator(database.connection).migrate()
        try database.run(
            """
            INSERT INTO nearline.model (model, file, as_of, vocabulary_hash, item_type, settings)
            VALUES ('figures', 'figures.safetensors', '2025-01-01Z', 'h', 'bigint', '{}')
            """)
        return database
    }
}

extension Connection {
    func writer(listLength: Int, items: Int) throws -> ReleaseWriter {
        try ReleaseWriter(
            ReleaseFacts(
                model: "figures", asOf: "2025-01-01Z", serveAt: "2025-01-02Z", settingsHash: "figures",
                candidatesPerUser: listLength),
            userType: .bigint, itemType: .bigint, items: items, on: self)
    }
}

extension Vocabulary {
    /// Items that are only keys.
    init(keys: [Int64]) {
        let none = [Int32](repeating: 0, count: keys.count)
        self.init(
            itemType: .bigint, items: keys.map { .integer($0) }, category: none, seller: none, categories: [""],
            sellers: [""], scenes: [""])
    }
}
