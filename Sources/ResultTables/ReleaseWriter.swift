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
    package internal(set) var users = 0
    package internal(set) var payloadBytes = 0
    package internal(set) var transitions = 0
    let connection: Connection
    let itemType: IDType
    let here: ListRows
    let beside: [ListRows]
    /// The run that builds it; nil where no ledger is kept.
    let run: Int?
    /// Shards that this process has stored: only of those it knows what they show.
    var ownShards = 0
    /// A shard was laid out that was not stored, as far as is known: what the lists show has to be counted in the table.
    private(set) var hasMiscounted = false
    private var hasDictionary = false

    /// Creates the release row and its empty leaf tables.
    ///
    /// - Parameters:
    ///   - unlogged: spares the write-ahead log, and with it half of what a build writes; a crash of the server then
    ///     empties the release, and a replica never has it.
    ///   - run: the run that builds it.
    package convenience init(
        _ facts: ReleaseFacts, userType: IDType, itemType: IDType, items: Int, unlogged: Bool = false, run: Int? = nil,
        on connection: Connection
    ) throws {
        let release = try connection.transaction(doing: "beginning a release") {
            try connection.execute(
                "SELECT nearline.create_result_tables($1::regtype, $2::regtype)",
                [.text(userType.rawValue), .text(itemType.rawValue)], doing: "preparing the result tables")
            let release = try connection.execute(
                """
                INSERT INTO nearline.release (model, as_of, serve_at, settings_hash, candidates_per_user, is_unlogged, run,
                    made_from, logical_date, is_history)
                VALUES ($1, $2::timestamptz, $3::timestamptz, $4, $5::int, $6::boolean, $7::bigint, $8::jsonb, $9::date,
                    $10::boolean)
                RETURNING release
                """,
                [
                    .text(facts.model), .text(facts.asOf), .text(facts.serveAt), .text(facts.settingsHash),
                    .int(Int64(facts.candidatesPerUser)), .bool(unlogged), Parameter(run), .text(facts.madeFrom),
                    Parameter(facts.date?.description), .bool(facts.isHistory),
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
        self.init(release, userType: userType, itemType: itemType, items: items, run: run, on: connection)
    }

    /// Goes on with a release that was begun, by an earlier run or by another process at the same time.
    ///
    /// - Parameter takesOver: the run makes the release its own; what an earlier run still sends for it is refused then.
    package convenience init(
        continuing release: Int, userType: IDType, itemType: IDType, items: Int, run: Int, takesOver: Bool,
        on connection: Connection
    ) throws {
        if takesOver {
            let isTaken = try !connection.execute(
                """
                UPDATE nearline.release SET run = $2::bigint
                WHERE release = $1::int AND state = 'building' AND coalesce(run, 0) <= $2::bigint RETURNING 1
                """, [.int(Int64(release)), .int(Int64(run))], doing: "taking over release \(release)"
            ).isEmpty
            guard isTaken else { throw ReleaseError.takenOver(release: release) }
        }
        self.init(release, userType: userType, itemType: itemType, items: items, run: run, on: connection)
        try lookAgain()
    }

    private init(
        _ release: Int, userType: IDType, itemType: IDType, items: Int, run: Int?, on connection: Connection
    ) {
        self.release = release
        self.itemType = itemType
        self.run = run
        self.connection = connection
        here = ListRows(release: release, userType: userType, items: items)
        beside = (0..<Self.helpers).map { _ in ListRows(release: release, userType: userType, items: items) }
    }

    /// Counts what all processes have stored, and learns the dictionary that one of them has trained.
    package func lookAgain() throws {
        let row = try connection.execute(
            """
            SELECT coalesce(sum(s.users), 0)::bigint AS users, coalesce(sum(s.payload_bytes), 0)::bigint AS bytes
            FROM nearline.release_shard s WHERE s.release = $1::int
            """, [.int(Int64(release))], doing: "counting release \(release)")[0]
        users = try row.int("users")
        payloadBytes = try row.int("bytes")
        guard !hasDictionary, let dictionary = try ListDecoder(release: release, on: connection).dictionary else {
            return
        }
        use(dictionary)
    }

    /// A core is left to the server, and with three more it has enough to do.
    private static var helpers: Int { max(1, min(3, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1)) }

    /// Stores one shard of users with its row in the ledger: one transaction, so that one is there with the other.
    ///
    /// Throws ``ReleaseError/shardLost(release:shard:)`` where the lease has passed to somebody else meanwhile.
    ///
    /// - Parameters:
    ///   - claimed: the range that these users are of; nil for a shard that nobody planned.
    ///   - figures: what was counted on the way; summed up when the release is whole.
    package func write(
        _ shard: some Collection<(user: ExternalID, list: [Candidate])>, as claimed: ClaimedShard? = nil,
        figures: [String: Int] = [:]
    ) throws {
        let doing = "writing \(shard.count) lists of release \(release)", shard = Array(shard)
        // Of the first shard alone, so that a release made anew has the same one.
        if !hasDictionary, claimed.map({ $0.number == 0 }) ?? (ownShards == 0) {
            try trainDictionary(shard.map(\.list))
        }
        let encodedBefore = encoded
        var isStored = false
        let pieces = ShardPieces(shard, here: here, beside: beside)
        defer {
            pieces.end()
            if !isStored { hasMiscounted = true }
        }
        let (stored, bytes) = try connection.transaction(doing: doing) {
            // The transaction that validates the release waits for the log, and for all that was written before it.
            try connection.execute("SET LOCAL synchronous_commit = off", doing: doing)
            // Behind a pooler nobody can end the session of a worker that was frozen before it committed.
            try connection.execute("SET LOCAL idle_in_transaction_session_timeout = '90s'", doing: doing)
            let copied = try copy(pieces, doing: doing)
            let byCodec = encoded.map { ($0, $1 - (encodedBefore[$0] ?? 0)) }
            try book(copied, claimed, figures.merging(byCodec) { $1 })
            return copied
        }
        isStored = true
        ownShards += 1
        users += stored
        payloadBytes += bytes
    }

    /// Last, so that no lock on the ledger is held while lists are sent: a worker that is frozen then keeps nobody waiting.
    private func book(
        _ copied: (stored: Int, bytes: Int), _ claimed: ClaimedShard?, _ figures: [String: Int]
    ) throws {
        let json = "{" + figures.sorted { $0.key < $1.key }.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
        let counts: [Parameter] = [
            .int(Int64(release)), .int(Int64(copied.stored)), .int(Int64(copied.bytes)), .text(json),
        ]
        guard let claimed else {
            try fence()
            try connection.execute(
                """
                INSERT INTO nearline.release_shard (release, shard, users, payload_bytes, figures)
                SELECT $1::int, coalesce(max(shard) + 1, 0), $2::bigint, $3::bigint, $4::jsonb
                FROM nearline.release_shard WHERE release = $1::int
                """, counts, doing: "booking a shard of release \(release)")
            return
        }
        let isOurs = try !connection.execute(
            """
            UPDATE nearline.release_shard SET state = 'done', users = $2::bigint, payload_bytes = $3::bigint,
                figures = $4::jsonb, written_at = now(), lease_until = NULL
            WHERE release = $1::int AND shard = $5::int AND term = $6::int AND state = 'claimed' RETURNING 1
            """, counts + [.int(Int64(claimed.number)), .int(Int64(claimed.term))],
            doing: "booking shard \(claimed.number) of release \(release)"
        ).isEmpty
        guard isOurs else { throw ReleaseError.shardLost(release: release, shard: claimed.number) }
    }

    /// Throws unless the release is still this run's to build: one that was frozen finds that another has taken it over.
    func fence() throws {
        guard let run else { return }
        let isOurs = try !connection.execute(
            "SELECT 1 FROM nearline.release WHERE release = $1::int AND run = $2::bigint AND state = 'building' FOR SHARE",
            [.int(Int64(release)), .int(Int64(run))], doing: "holding release \(release)"
        ).isEmpty
        guard isOurs else { throw ReleaseError.takenOver(release: release) }
    }

    private func use(_ dictionary: PayloadDictionary) {
        for rows in [here] + beside { rows.use(dictionary) }
        hasDictionary = true
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
        use(dictionary)
    }

    private static let listsTrainedOn = 1000

    /// Lists and bytes by codec, of this process so far.
    private var encoded: [String: Int] {
        var all: [String: Int] = [:]
        for codec in PayloadCodec.allCases {
            for rows in [here] + beside {
                let (lists, bytes) = rows.encoding(by: codec)
                all["\(codec) lists", default: 0] += lists
                all["\(codec) bytes", default: 0] += bytes
            }
        }
        return all
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
        try connection.transaction(doing: "writing the fallback list") {
            try fence()
            try connection.execute(
                """
                INSERT INTO nearline.fallback (release, payload) VALUES ($1::int, $2)
                ON CONFLICT (release) DO UPDATE SET payload = EXCLUDED.payload
                """, [.int(Int64(release)), .bytes(try here.payload(of: list))], doing: "writing the fallback list")
        }
    }
}
