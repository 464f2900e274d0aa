import Domain
import Postgres

/// What the lists of some users have in common in two releases: the same users every time, chosen by a hash of keys.
struct OverlapSample {
    private(set) var users = 0
    /// Sum over users of the share of the longer list that is in both.
    private var shares = 0.0

    var mean: Double { users > 0 ? shares / Double(users) : 0 }

    /// - Parameters:
    ///   - new, old: the releases.
    ///   - oldItems: rows of the old dictionary.
    init(new: Int, old: Int, oldItems: Int, users: Int, on connection: Connection) throws {
        let doing = "comparing lists of releases \(old) and \(new)"
        let decoder = try ListDecoder(release: new, on: connection)
        let oldDecoder = try ListDecoder(release: old, on: connection)
        var newRow = [UInt32?](repeating: nil, count: oldItems)
        try connection.copyOut(
            "SELECT o.item_row, n.item_row FROM \(Leaf.item.name(old)) o JOIN \(Leaf.item.name(new)) n USING (item_id)",
            doing: doing
        ) { row in
            let place = Int(try row.int32()), translated = UInt32(bitPattern: try row.int32())
            if newRow.indices.contains(place) { newRow[place] = translated }
        }
        try connection.copyOut(
            """
            SELECT n.payload, o.payload FROM (\(Self.chosen(new: new, old: old, users: users))) s
            JOIN \(Leaf.candidate.name(new)) n USING (user_id) JOIN \(Leaf.candidate.name(old)) o USING (user_id)
            """, doing: doing
        ) { row in
            // What cannot be read is for another gate to say.
            let list = try row.bytes().flatMap { try? decoder.decode($0) }
            let before = try row.bytes().flatMap { try? oldDecoder.decode($0) }
            guard let list, let before else { return }
            add(Set(list.map(\.row)), before.map { Int($0.row) < newRow.count ? newRow[Int($0.row)] : nil })
        }
    }

    /// - Parameter before: rows of the new dictionary; nil for items that it does not have.
    private mutating func add(_ list: Set<UInt32>, _ before: [UInt32?]) {
        let longer = max(list.count, before.count)
        guard longer > 0 else { return }
        users += 1
        shares += Double(before.count { $0.map(list.contains) ?? false }) / Double(longer)
    }

    private static func chosen(new: Int, old: Int, users: Int) -> String {
        """
        SELECT n.user_id FROM \(Leaf.candidate.name(new)) n JOIN \(Leaf.candidate.name(old)) o USING (user_id) \
        ORDER BY hashtextextended(n.user_id::text, 0), n.user_id LIMIT \(users)
        """
    }

    /// The users of the sample whose lists have least in common.
    static func query(new: Int, old: Int, users: Int) -> String {
        func items(_ release: Int) -> String {
            """
            ARRAY(SELECT i.item_id FROM \(Leaf.candidate.name(release)) c \
            CROSS JOIN LATERAL nearline.unpack(c.payload) u \
            JOIN \(Leaf.item.name(release)) i USING (item_row) WHERE c.user_id = s.user_id)
            """
        }
        return """
            SELECT l.user_id, cardinality(l.a) AS in_\(old), cardinality(l.b) AS in_\(new), \
            (SELECT count(*) FROM unnest(l.a) x JOIN unnest(l.b) y ON x = y) AS shared \
            FROM (SELECT s.user_id, \(items(old)) AS a, \(items(new)) AS b \
            FROM (\(chosen(new: new, old: old, users: users))) s) l ORDER BY shared, l.user_id LIMIT 100
            """
    }
}
