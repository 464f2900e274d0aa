import Domain
import NearlineClient
import Postgres
import ResultCodec
import ResultTables
import Snapshots

/// One answer: the release that it says it is of, and what is wrong with it, if anything is.
typealias Answer = (release: Int, fault: String?)

/// One reader of one kind, with all that it keeps between lookups.
struct ListReader {
    private let kind: ReaderKind
    private let connection: Connection?
    private let client: NearlineClient?
    private var list = CandidateList()
    private let folder: SnapshotFolder
    private var snapshot: Snapshot?
    private var lookupsInTransaction = 0
    /// What the lists of a release, or of the open snapshot, were compressed with.
    private var dictionary: (release: Int, bytes: PayloadDictionary?)?

    private static let perTransaction = 20

    init(_ kind: ReaderKind, database: String, folder: SnapshotFolder) throws {
        self.kind = kind
        self.folder = folder
        let conninfo = "dbname=\(database)", name = "publish-figures"
        client = kind == .client ? try NearlineClient(conninfo, applicationName: name) : nil
        let asksItself = ![.client, .snapshot].contains(kind)
        connection = asksItself ? try Connection(conninfo, applicationName: name) : nil
        try connection?.execute(
            """
            PREPARE payload_of (bigint) AS SELECT release, payload FROM nearline.candidate
            WHERE user_id = $1 AND release = (SELECT release FROM nearline.current_release WHERE only_row)
            """, doing: "preparing")
    }

    mutating func read(_ user: Int) throws -> Answer {
        switch kind {
        case .lookup: try readByFunction(user)
        case .candidateLookup: try readByLookup(user)
        case .prepared: try readPayload(user)
        case .transaction: try readInTransaction(user)
        case .client: try readByClient(user)
        case .snapshot: try readFile(user)
        }
    }

    private func readByFunction(_ user: Int) throws -> Answer {
        let items = try connection!.execute(
            "SELECT item_id FROM nearline.lookup($1) ORDER BY rank", [.int(Int64(user))], doing: "looking up"
        ).map { Int64(try $0.int("item_id")) }
        return MarkedRelease.read(items: items, user: user)
    }

    private func readByLookup(_ user: Int) throws -> Answer {
        let answer = try CandidateLookup(connection!).list(of: String(user))
        let (release, fault) = MarkedRelease.read(items: answer.items.map { Int64($0.item)! }, user: user)
        guard fault == nil, release != answer.release.release else { return (release, fault) }
        return (release, "items of release \(release), facts of release \(answer.release.release)")
    }

    private mutating func readPayload(_ user: Int) throws -> Answer {
        let rows = try connection!.execute("EXECUTE payload_of(\(user))", doing: "reading a payload")
        guard let row = rows.first else { return (0, "user \(user): no row") }
        let release = try row.int("release")
        if dictionary?.release != release { dictionary = (release, try fetchDictionary(release)) }
        let list = try PayloadDecoder.decode(row.bytes("payload"), dictionary: dictionary?.bytes)
        return (release, Self.fault(list, user, release))
    }

    private func fetchDictionary(_ release: Int) throws -> PayloadDictionary? {
        try connection!.execute(
            "SELECT bytes FROM nearline.release JOIN nearline.payload_dictionary USING (dictionary) WHERE release = $1::int",
            [.int(Int64(release))], doing: "reading a dictionary"
        ).first.map { PayloadDictionary(try $0.bytes("bytes")) }
    }

    /// READ COMMITTED, as frameworks wrap requests: what one transaction has locked, its next statements take for known.
    private mutating func readInTransaction(_ user: Int) throws -> Answer {
        if lookupsInTransaction == 0 { try connection!.execute("BEGIN", doing: "beginning") }
        let answer = try readPayload(user)
        lookupsInTransaction = (lookupsInTransaction + 1) % Self.perTransaction
        if lookupsInTransaction == 0 { try connection!.execute("COMMIT", doing: "committing") }
        return answer
    }

    private mutating func readByClient(_ user: Int) throws -> Answer {
        try client!.candidates(for: .integer(Int64(user)), into: &list)
        let items = list.items.map { item in
            if case .integer(let key) = item.item { key } else { Int64(-1) }
        }
        let (release, fault) = MarkedRelease.read(items: items, user: user)
        guard fault == nil, release != list.release else { return (release, fault) }
        return (release, "items of release \(release), facts of release \(list.release)")
    }

    private mutating func readFile(_ user: Int) throws -> Answer {
        if snapshot.map({ !folder.isCurrent($0) }) ?? true {
            let opened = try folder.openCurrent()
            dictionary = (opened.facts.release, opened.payloadDictionary.map { PayloadDictionary(Array($0)) })
            snapshot = opened
        }
        let release = snapshot!.facts.release
        return try snapshot!.withPayload(of: .integer(Int64(user))) { payload in
            guard let payload else { return (release, "user \(user), release \(release): not in the file") }
            let list = try PayloadDecoder.decode(payload, dictionary: dictionary?.bytes)
            guard snapshot!.item(Int(list[0].row)) == .integer(Int64(release * 1000 + Int(list[0].row))) else {
                return (release, "release \(release): another release's dictionary")
            }
            return (release, Self.fault(list, user, release))
        }
    }

    private static func fault(_ list: [Candidate], _ user: Int, _ release: Int) -> String? {
        MarkedRelease.fault(rows: list.map(\.row), user: user, release: release)
    }
}
