import Domain
import Postgres
import ResultCodec

/// What a release is made from; stored beside it.
package struct ReleaseFacts: Sendable {
    package var model: String
    package var asOf: String
    package var serveAt: String
    package var settingsHash: String
    package var candidatesPerUser: Int

    package init(model: String, asOf: String, serveAt: String, settingsHash: String, candidatesPerUser: Int) {
        self.model = model
        self.asOf = asOf
        self.serveAt = serveAt
        self.settingsHash = settingsHash
        self.candidatesPerUser = candidatesPerUser
    }
}

/// Why a release did not come to be. In every case the current release still serves.
package enum ReleaseError: Error, Equatable, CustomStringConvertible {
    case rowsMissing(table: String, claimed: Int, stored: Int)
    case notBuilt(release: Int, state: String)
    case unknown(release: Int)
    case noRelease

    package var description: String {
        switch self {
        case .rowsMissing(let table, let claimed, let stored):
            "\(table) holds \(stored) rows, \(claimed) were written; run nearline precompute again"
        case .notBuilt(let release, let state):
            "release \(release) is \(state), only a validated one can be published; run nearline precompute"
        case .unknown(let release): "there is no release \(release); nearline runs shows what was built"
        case .noRelease: "nothing is published yet; run nearline train, then nearline precompute"
        }
    }
}

/// Loads one release into standalone tables that no reader can see, then attaches and validates them together.
package final class ReleaseWriter {
    package let release: Int
    package private(set) var users = 0
    package private(set) var payloadBytes = 0
    package private(set) var transitions = 0
    private let connection: Connection
    private let facts: ReleaseFacts
    private let userType: IDType
    private let itemType: IDType
    private var encoder = PayloadEncoder()
    private var lists: [Int64]
    private var listsTop10: [Int64]

    /// Creates the release row and its empty leaf tables.
    package init(
        _ facts: ReleaseFacts, userType: IDType, itemType: IDType, items: Int, on connection: Connection
    ) throws {
        self.facts = facts
        self.userType = userType
        self.itemType = itemType
        self.connection = connection
        lists = Array(repeating: 0, count: items)
        listsTop10 = lists
        release = try connection.transaction(doing: "beginning a release") {
            try connection.execute(
                "SELECT nearline.create_result_tables($1::regtype, $2::regtype)",
                [.text(userType.rawValue), .text(itemType.rawValue)], doing: "preparing the result tables")
            let release = try connection.execute(
                """
                INSERT INTO nearline.release (model, as_of, serve_at, settings_hash, candidates_per_user)
                VALUES ($1, $2::timestamptz, $3::timestamptz, $4, $5::int) RETURNING release
                """,
                [
                    .text(facts.model), .text(facts.asOf), .text(facts.serveAt), .text(facts.settingsHash),
                    .int(Int64(facts.candidatesPerUser)),
                ], doing: "registering a release")[0].int("release")
            for table in Leaf.allCases {
                try connection.execute(
                    "CREATE TABLE \(table.name(release)) (LIKE \(table.parent) INCLUDING STORAGE)",
                    doing: "creating \(table.name(release))")
            }
            return release
        }
    }

    /// Stores one shard of users; each call is a transaction, and only whole ones count.
    package func write(_ shard: some Collection<(user: ExternalID, list: [Candidate])>) throws {
        var key: [UInt8] = [], payload: [UInt8] = []
        let columns = ["user_id", "release", "payload"]
        let doing = "writing \(shard.count) lists of release \(release)"
        var bytes = 0
        let stored = try connection.copyIn(Leaf.candidate.name(release), columns: columns, doing: doing) { out in
            for (user, list) in shard {
                key.removeAll(keepingCapacity: true)
                user.appendBinary(to: &key, type: userType)
                try encoder.encode(list, into: &payload)
                try out.beginRow(fields: 3)
                out.bytes(key)
                out.int32(Int32(release))
                out.bytes(payload)
                bytes += payload.count
                for (rank, candidate) in list.enumerated() {
                    lists[Int(candidate.row)] += 1
                    if rank < 10 { listsTop10[Int(candidate.row)] += 1 }
                }
            }
        }
        users += stored
        payloadBytes += bytes
    }

    /// Where the lists go until the release is whole, as a quoted relation.
    package var candidateTable: String { Leaf.candidate.name(release) }

    /// The list of everybody who has none.
    package func writeFallback(_ list: [Candidate]) throws {
        try connection.execute(
            "INSERT INTO nearline.fallback (release, payload) VALUES ($1::int, $2)",
            [.int(Int64(release)), .bytes(try encoder.encode(list))], doing: "writing the fallback list")
    }

    /// Clusters by name, and for each key of the last clusters those that come next.
    package func write(
        clusters: [(name: String, items: Int)], transitions keyed: [(key: Int64, next: [Candidate])]
    ) throws {
        _ = try connection.copyIn(
            "nearline.release_cluster", columns: ["release", "cluster", "name", "items"], doing: "writing clusters"
        ) { out in
            for (row, cluster) in clusters.enumerated() {
                try out.beginRow(fields: 4)
                out.int32(Int32(release))
                out.int32(Int32(row))
                out.text(cluster.name)
                out.int64(Int64(cluster.items))
            }
        }
        transitions = try connection.copyIn(
            Leaf.transition.name(release), columns: ["key", "release", "payload"], doing: "writing transitions"
        ) { out in
            for (key, next) in keyed {
                try out.beginRow(fields: 3)
                out.int64(key)
                out.int32(Int32(release))
                out.bytes(try encoder.encode(next))
            }
        }
    }

    /// Stores the dictionary and exposure, builds keys, counts what is there, attaches: the release is then `validated`.
    package func finish(_ vocabulary: Vocabulary) throws {
        var key: [UInt8] = []
        _ = try connection.copyIn(
            Leaf.item.name(release), columns: ["release", "item_row", "item_id", "lists", "lists_top_10"],
            doing: "writing the dictionary of release \(release)"
        ) { out in
            for (row, item) in vocabulary.items.enumerated() {
                key.removeAll(keepingCapacity: true)
                item.appendBinary(to: &key, type: itemType)
                try out.beginRow(fields: 5)
                out.int32(Int32(release))
                out.int32(Int32(row))
                out.bytes(key)
                out.int64(lists[row])
                out.int64(listsTop10[row])
            }
        }
        for table in Leaf.allCases {
            let name = table.name(release)
            try connection.execute(
                "ALTER TABLE \(name) ADD PRIMARY KEY (\(table.key)), ADD CONSTRAINT one_release CHECK (release = \(release))",
                doing: "indexing \(name)")
            try connection.execute("VACUUM (FREEZE, ANALYZE) \(name)", doing: "vacuuming \(name)")
        }
        try validate(items: vocabulary.count)
    }

    private func validate(items: Int) throws {
        try connection.transaction(doing: "validating release \(release)") {
            for (table, claimed) in [(Leaf.candidate, users), (.transition, transitions), (.item, items)] {
                let stored = try connection.execute(
                    "SELECT count(*) AS n FROM \(table.name(release))", doing: "counting \(table.name(release))")[0]
                    .int("n")
                guard stored == claimed else {
                    throw ReleaseError.rowsMissing(table: table.name(release), claimed: claimed, stored: stored)
                }
                // SHARE UPDATE EXCLUSIVE on the parent: readers go on.
                try connection.execute(
                    "ALTER TABLE \(table.parent) ATTACH PARTITION \(table.name(release)) FOR VALUES IN (\(release))",
                    doing: "attaching \(table.name(release))")
            }
            try connection.execute(
                """
                UPDATE nearline.release SET state = 'validated', users = $2::bigint, items = $3::bigint,
                    transitions = $4::bigint, payload_bytes = $5::bigint
                WHERE release = $1::int AND state = 'building'
                """,
                [
                    .int(Int64(release)), .int(Int64(users)), .int(Int64(items)), .int(Int64(transitions)),
                    .int(Int64(payloadBytes)),
                ], doing: "validating release \(release)")
        }
    }
}

/// The tables of a release that are loaded on their own and attached when they are whole.
enum Leaf: CaseIterable {
    case candidate, transition, item

    var parent: String {
        switch self {
        case .candidate: "nearline.candidate"
        case .transition: "nearline.transition"
        case .item: "nearline.release_item"
        }
    }

    var key: String {
        switch self {
        case .candidate: "user_id"
        case .transition: "key"
        case .item: "item_row"
        }
    }

    func name(_ release: Int) -> String { "\(parent)_r\(release)" }
}
