import Domain
import Postgres
import ResultCodec

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Loads one release into standalone tables that no reader can see, then attaches and validates them together.
package final class ReleaseWriter {
    package let release: Int
    package private(set) var users = 0
    package private(set) var payloadBytes = 0
    package private(set) var transitions = 0
    private var shards = 0
    private let connection: Connection
    private let facts: ReleaseFacts
    private let userType: IDType
    private let itemType: IDType
    private let here: ListRows
    private let beside: [ListRows]

    /// Creates the release row and its empty leaf tables.
    ///
    /// - Parameter unlogged: spares the write-ahead log, and with it half of what a build writes; a crash of the server then
    ///   empties the release, and a replica never has it.
    package init(
        _ facts: ReleaseFacts, userType: IDType, itemType: IDType, items: Int, unlogged: Bool = false,
        on connection: Connection
    ) throws {
        self.facts = facts
        self.userType = userType
        self.itemType = itemType
        self.connection = connection
        let release = try connection.transaction(doing: "beginning a release") {
            try connection.execute(
                "SELECT nearline.create_result_tables($1::regtype, $2::regtype)",
                [.text(userType.rawValue), .text(itemType.rawValue)], doing: "preparing the result tables")
            let release = try connection.execute(
                """
                INSERT INTO nearline.release (model, as_of, serve_at, settings_hash, candidates_per_user, is_unlogged)
                VALUES ($1, $2::timestamptz, $3::timestamptz, $4, $5::int, $6::boolean) RETURNING release
                """,
                [
                    .text(facts.model), .text(facts.asOf), .text(facts.serveAt), .text(facts.settingsHash),
                    .int(Int64(facts.candidatesPerUser)), .text(unlogged ? "true" : "false"),
                ], doing: "registering a release")[0].int("release")
            for table in Leaf.allCases {
                let name = table.name(release)
                try connection.script(
                    """
                    CREATE \(unlogged ? "UNLOGGED" : "") TABLE \(name) (LIKE \(table.parent) INCLUDING STORAGE);
                    SELECT nearline.copy_grants('\(table.parent)', '\(name)')
                    """, doing: "creating \(name)")
            }
            return release
        }
        self.release = release
        here = ListRows(release: release, userType: userType, items: items)
        beside = (0..<Self.helpers).map { _ in ListRows(release: release, userType: userType, items: items) }
    }

    /// A core is left to the server, and with three more it has enough to do.
    private static var helpers: Int { max(1, min(3, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1)) }

    /// Stores one shard of users with its row in the ledger: one transaction, so that one is there with the other.
    package func write(_ shard: some Collection<(user: ExternalID, list: [Candidate])>) throws {
        let doing = "writing \(shard.count) lists of release \(release)", shard = Array(shard)
        // Of the first shard alone, so that a release made anew has the same one.
        if shards == 0 { try trainDictionary(shard.map(\.list)) }
        let pieces = ShardPieces(shard, here: here, beside: beside)
        defer { pieces.end() }
        let (stored, bytes) = try connection.transaction(doing: doing) {
            // The transaction that validates the release waits for the log, and for all that was written before it.
            try connection.execute("SET LOCAL synchronous_commit = off", doing: doing)
            let copied = try copy(pieces, doing: doing)
            try connection.execute(
                """
                INSERT INTO nearline.release_shard (release, shard, users, payload_bytes)
                VALUES ($1::int, $2::int, $3::bigint, $4::bigint)
                """,
                [.int(Int64(release)), .int(Int64(shards)), .int(Int64(copied.stored)), .int(Int64(copied.bytes))],
                doing: "booking shard \(shards) of release \(release)")
            return copied
        }
        shards += 1
        users += stored
        payloadBytes += bytes
    }

    private func trainDictionary(_ lists: [[Candidate]]) throws {
        let step = max(1, (lists.count + Self.listsTrainedOn - 1) / Self.listsTrainedOn)
        let sample = stride(from: 0, to: lists.count, by: step).map { lists[$0] }
        guard let dictionary = PayloadDictionary.train(sample) else { return }
        try connection.transaction(doing: "storing the payload dictionary") {
            // Of a release with the same lists it may be there already; the update holds it against a prune at work.
            try connection.execute(
                """
                INSERT INTO nearline.payload_dictionary (dictionary, bytes) VALUES ($1::bigint, $2)
                ON CONFLICT (dictionary) DO UPDATE SET bytes = EXCLUDED.bytes
                """, [.int(Int64(dictionary.id)), .bytes(dictionary.bytes)], doing: "storing the payload dictionary")
            try connection.execute(
                "UPDATE nearline.release SET dictionary = $2::bigint WHERE release = $1::int",
                [.int(Int64(release)), .int(Int64(dictionary.id))], doing: "storing the payload dictionary")
        }
        for rows in [here] + beside { rows.use(dictionary) }
    }

    private static let listsTrainedOn = 1000

    /// Lists and bytes by codec, as JSON.
    private var encoding: String {
        let parts = PayloadCodec.allCases.map { codec in
            let (lists, bytes) = ([here] + beside).map { $0.encoding(by: codec) }
                .reduce((0, 0)) { ($0.0 + $1.lists, $0.1 + $1.bytes) }
            return "\"\(codec)\": {\"lists\": \(lists), \"bytes\": \(bytes)}"
        }
        return "{" + parts.joined(separator: ", ") + "}"
    }

    private func copy(_ pieces: ShardPieces, doing: String) throws -> (stored: Int, bytes: Int) {
        var bytes = 0
        let stored = try connection.copyIn(Leaf.candidate.name(release), columns: ListRows.columns, doing: doing) {
            out in
            for number in 0..<pieces.count {
                let piece = try pieces.take(number)
                try out.send(piece.rows)
                bytes += piece.payloadBytes
            }
        }
        return (stored, bytes)
    }

    /// Where the lists go until the release is whole, as a quoted relation.
    package var candidateTable: String { Leaf.candidate.name(release) }

    /// The list of everybody who has none.
    package func writeFallback(_ list: [Candidate]) throws {
        try connection.execute(
            "INSERT INTO nearline.fallback (release, payload) VALUES ($1::int, $2)",
            [.int(Int64(release)), .bytes(try here.payload(of: list))], doing: "writing the fallback list")
    }

    /// The clusters, and for each key of the last ones those that come next.
    package func write(_ build: TransitionBuild) throws {
        try TransitionWriter(release: release, on: connection).store(build)
        transitions = build.keys.count
    }

    /// Stores the dictionary and exposure, builds keys, counts what is there, attaches: the release is then `validated`.
    ///
    /// - Parameter clusterOfRow: the cluster of each item, -1 for none; empty where nothing is known of clusters.
    package func finish(_ vocabulary: Vocabulary, clusterOfRow: [Int32] = []) throws {
        let exposure = ExposureCounts.sums(([here] + beside).map(\.exposure))
        var key: [UInt8] = []
        _ = try connection.copyIn(
            Leaf.item.name(release), columns: ["release", "item_row", "item_id", "lists", "lists_top_10", "cluster"],
            doing: "writing the dictionary of release \(release)"
        ) { out in
            for (row, item) in vocabulary.items.enumerated() {
                key.removeAll(keepingCapacity: true)
                item.appendBinary(to: &key, type: itemType)
                try out.beginRow(fields: 6)
                out.int32(Int32(release))
                out.int32(Int32(row))
                out.bytes(key)
                out.int64(exposure.lists[row])
                out.int64(exposure.listsInTop[row])
                if row < clusterOfRow.count, clusterOfRow[row] >= 0 {
                    out.int32(clusterOfRow[row])
                } else {
                    out.null()
                }
            }
        }
        for table in Leaf.allCases {
            let name = table.name(release)
            let others = table.keys.dropFirst().map { ", ADD UNIQUE (\($0))" }.joined()
            try connection.execute(
                """
                ALTER TABLE \(name) ADD PRIMARY KEY (\(table.keys[0]))\(others),
                    ADD CONSTRAINT one_release CHECK (release = \(release))
                """, doing: "indexing \(name)")
            try connection.execute("VACUUM (FREEZE, ANALYZE) \(name)", doing: "vacuuming \(name)")
        }
        try validate(items: vocabulary.count)
    }

    private func validate(items: Int) throws {
        try connection.transaction(doing: "validating release \(release)") {
            // Readers go on. All four at once and before anything gives us a snapshot: a prune that finalises a detachment
            // has one of these locks while it waits for older snapshots to go.
            let parents = Leaf.allCases.map(\.parent).joined(separator: ", ")
            try connection.execute(
                "LOCK TABLE \(parents) IN SHARE UPDATE EXCLUSIVE MODE", doing: "waiting to attach release \(release)")
            for (table, claimed) in [
                (Leaf.candidate, users), (.overlay, 0), (.transition, transitions), (.item, items),
            ] {
                let stored = try connection.execute(
                    "SELECT count(*) AS n FROM \(table.name(release))", doing: "counting \(table.name(release))")[0]
                    .int("n")
                guard stored == claimed else {
                    throw ReleaseError.rowsMissing(table: table.name(release), claimed: claimed, stored: stored)
                }
                try connection.execute(
                    "ALTER TABLE \(table.parent) ATTACH PARTITION \(table.name(release)) FOR VALUES IN (\(release))",
                    doing: "attaching \(table.name(release))")
            }
            try connection.execute(
                """
                UPDATE nearline.release SET state = 'validated', users = $2::bigint, items = $3::bigint,
                    transitions = $4::bigint, payload_bytes = $5::bigint, encoding = $6::jsonb
                WHERE release = $1::int AND state = 'building'
                """,
                [
                    .int(Int64(release)), .int(Int64(users)), .int(Int64(items)), .int(Int64(transitions)),
                    .int(Int64(payloadBytes)), .text(encoding),
                ], doing: "validating release \(release)")
        }
    }
}
