import Domain
import Postgres
import ResultCodec

/// Reads, once per release, what all of its lists need.
///
/// The lookup that meets a new release waits for this, so it is two round trips: the facts in one statement, and so of one
/// snapshot, then the items, whose rows never change (a refresh may append some).
struct ReleaseLoader {
    let connection: Connection

    /// The migration that brought the tables which are read here.
    static let neededMigration = 8

    /// The current release.
    func load() throws -> LoadedRelease {
        guard let facts = try facts() else { throw NearlineClientError.nothingPublished }
        let release = try release(facts)
        let itemType = try keyType(facts.string("item_type"))
        return LoadedRelease(
            decoding: ListDecoding(release: release, items: try items(of: release.number, itemType)),
            userType: try keyType(facts.string("user_type")), fallback: try facts.optionalBytes("fallback"),
            dictionary: try facts.optionalBytes("dictionary").map { PayloadDictionary($0) })
    }

    private func facts() throws -> Row? {
        do {
            return try connection.execute(Self.factsQuery, doing: "reading the current release").first
        } catch let error where [.missingRelation, .missingColumn].contains(error.kind) {
            throw SchemaMismatch(error: error)
        }
    }

    private static let factsQuery = """
        SELECT r.release, r.model, c.transition_build, \(microseconds("r.as_of")) AS as_of,
            \(microseconds("r.serve_at")) AS serve_at, \(microseconds("c.published_at")) AS published_at,
            (SELECT format_type(atttypid, NULL) FROM pg_attribute
                WHERE attrelid = to_regclass('nearline.candidate') AND attname = 'user_id') AS user_type,
            (SELECT format_type(atttypid, NULL) FROM pg_attribute
                WHERE attrelid = to_regclass('nearline.release_item') AND attname = 'item_id') AS item_type,
            (SELECT bytes FROM nearline.payload_dictionary d WHERE d.dictionary = r.dictionary) AS dictionary,
            (SELECT payload FROM nearline.fallback f WHERE f.release = r.release) AS fallback
        FROM nearline.current_release c JOIN nearline.release r ON r.release = c.release
        """

    private static func microseconds(_ column: String) -> String {
        "(extract(epoch FROM \(column)) * 1000000)::bigint"
    }

    private func release(_ facts: Row) throws -> Release {
        func instant(_ microseconds: Int) -> Instant { Instant(microsecondsSince1970: Int64(microseconds)) }
        return Release(
            number: try facts.int("release"), model: try facts.string("model"),
            asOf: instant(try facts.int("as_of")), serveAt: instant(try facts.int("serve_at")),
            publishedAt: try facts.optionalInt("published_at").map(instant))
    }

    private func keyType(_ name: String) throws -> IDType {
        guard let type = IDType(postgresName: name) else {
            throw NearlineClientError.schemaTooNew(reason: "keys of type \(name) are not known here")
        }
        return type
    }

    private func items(of release: Int, _ type: IDType) throws -> ItemDictionary {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        var rows = 0
        try connection.copyOut(
            "SELECT item_row, item_id FROM nearline.release_item_r\(release) ORDER BY item_row",
            doing: "loading the items of release \(release)"
        ) { row in
            guard try row.int32() == rows, let key = try row.bytes(), isWhole(key, type) else {
                let reason = "its items are not the rows 0, 1, 2... (at row \(rows))"
                throw NearlineClientError.damagedRelease(release: release, reason: reason)
            }
            rows += 1
            bytes.append(contentsOf: key)
            if type == .text { ends.append(bytes.count) }
        }
        return ItemDictionary(type: type, gathered: bytes, ends: ends)
    }

    private func isWhole(_ key: UnsafeRawBufferPointer, _ type: IDType) -> Bool {
        switch type {
        case .int: key.count == 4
        case .bigint: key.count == 8
        case .uuid: key.count == 16
        case .text: true
        }
    }

    /// The clusters of a release and the build that they are of, in one snapshot.
    func clusters(of release: Int) throws -> ClusterNames {
        let rows = try connection.execute(
            """
            SELECT r.transition_build, c.cluster, c.name FROM nearline.release r
            LEFT JOIN nearline.release_cluster c USING (release) WHERE r.release = $1::int ORDER BY c.cluster
            """, [.int(Int64(release))], doing: "reading the clusters of release \(release)")
        var names: [String] = []
        for row in rows {
            guard let number = try row.optionalInt("cluster") else { continue }
            guard number == names.count else {
                throw NearlineClientError.damagedRelease(
                    release: release, reason: "cluster \(names.count) has no name")
            }
            names.append(try row.string("name"))
        }
        return ClusterNames(build: try rows.first?.optionalInt("transition_build"), names: names)
    }

    /// What payloads were compressed with, by its id; nil where the database has no such dictionary.
    func dictionary(_ id: UInt32) throws -> PayloadDictionary? {
        try connection.execute(
            "SELECT bytes FROM nearline.payload_dictionary WHERE dictionary = $1::bigint", [.int(Int64(id))],
            doing: "reading payload dictionary \(id)"
        ).first.map { PayloadDictionary(try $0.bytes("bytes")) }
    }

    /// Says in which direction client and database differ.
    func mismatch(_ error: PostgresError) -> NearlineClientError {
        let applied = try? connection.execute(
            "SELECT coalesce(max(number), 0) AS number FROM nearline.migration", doing: "reading applied migrations")
        let found = (try? applied?.first?.int("number")) ?? 0
        guard found >= Self.neededMigration else {
            return .schemaTooOld(found: found, needed: Self.neededMigration)
        }
        return .schemaTooNew(reason: error.description)
    }
}

/// A table or a column that every version of the schema has is not there.
struct SchemaMismatch: Error {
    let error: PostgresError
}
