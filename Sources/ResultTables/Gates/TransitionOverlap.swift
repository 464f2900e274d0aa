import Domain
import Postgres

/// What the first clusters behind the same key have in common in two releases. Clusters and keys are matched by name: a
/// number means another cluster in another release.
struct TransitionOverlap {
    private(set) var keys = 0
    /// Sum over keys of intersection over union.
    private var shares = 0.0

    var mean: Double { keys > 0 ? shares / Double(keys) : 0 }

    private static let compared = 5

    init(new: Int, old: Int, on connection: Connection) throws {
        let doing = "comparing transitions of releases \(old) and \(new)"
        let decoder = try ListDecoder(release: new, on: connection)
        let oldDecoder = try ListDecoder(release: old, on: connection)
        var newCluster: [UInt32: UInt32] = [:]
        for row in try connection.execute(
            """
            SELECT o.cluster AS old, n.cluster AS new FROM nearline.release_cluster o JOIN nearline.release_cluster n
            ON n.name = o.name AND n.release = $1::int WHERE o.release = $2::int
            """, [.int(Int64(new)), .int(Int64(old))], doing: doing)
        {
            newCluster[UInt32(try row.int("old"))] = UInt32(try row.int("new"))
        }
        try connection.copyOut(
            "SELECT n.payload, o.payload FROM \(Self.named(new)) n JOIN \(Self.named(old)) o USING (older, latest)",
            doing: doing
        ) { row in
            // What cannot be read is for another gate to say.
            let next = try row.bytes().flatMap { try? decoder.decode($0) }
            let before = try row.bytes().flatMap { try? oldDecoder.decode($0) }
            guard let next, let before else { return }
            add(
                Set(next.prefix(Self.compared).map(\.row)),
                before.prefix(Self.compared).map { newCluster[$0.row] })
        }
    }

    /// - Parameter before: clusters of the new release; nil for those that it does not have.
    private mutating func add(_ next: Set<UInt32>, _ before: [UInt32?]) {
        let shared = before.count { $0.map(next.contains) ?? false }, union = next.count + before.count - shared
        guard union > 0 else { return }
        keys += 1
        shares += Double(shared) / Double(union)
    }

    /// The keys of a release by the names of their clusters, without everybody's, which all releases have; empty for none,
    /// which no name can be mistaken for.
    private static func named(_ release: Int) -> String {
        """
        (SELECT t.payload, coalesce('=' || a.name, '') AS older, coalesce('=' || b.name, '') AS latest \
        FROM \(Leaf.transition.name(release)) t \
        LEFT JOIN nearline.release_cluster a \
        ON a.release = \(release) AND a.cluster = nearline.transition_older(t.key) \
        LEFT JOIN nearline.release_cluster b \
        ON b.release = \(release) AND b.cluster = nearline.transition_latest(t.key) \
        WHERE t.key <> 0 AND \(Leaf.keysOfTwo))
        """
    }

    /// The keys whose first clusters differ most, those that only one release has before all others.
    static func query(new: Int, old: Int) -> String {
        func first(_ alias: String, _ release: Int) -> String {
            """
            ARRAY(SELECT c.name FROM nearline.unpack(\(alias).payload) u JOIN nearline.release_cluster c \
            ON c.release = \(release) AND c.cluster = u.item_row WHERE u.rank <= \(compared) ORDER BY u.rank)
            """
        }
        return """
            SELECT k.*, (SELECT count(*) FROM unnest(in_\(old)) x JOIN unnest(in_\(new)) y ON x = y) AS shared \
            FROM (SELECT substr(older, 2) AS older, substr(latest, 2) AS latest, \(first("o", old)) AS in_\(old), \
            \(first("n", new)) AS in_\(new) FROM \(named(old)) o FULL JOIN \(named(new)) n USING (older, latest)) k \
            ORDER BY shared, older, latest LIMIT 100
            """
    }
}
