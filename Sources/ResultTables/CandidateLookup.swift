import Domain
import Postgres
import ResultCodec

/// One place of a list as it was stored: the item by its own key.
package struct ListedItem: Equatable, Sendable {
    package var rank: Int
    package var item: String
    package var score: Float
    package var source: CandidateSource

    package init(rank: Int, item: String, score: Float, source: CandidateSource) {
        self.rank = rank
        self.item = item
        self.score = score
        self.source = source
    }
}

/// A user's list as a service reads it: the payload by key, decoded here.
package struct CandidateLookup {
    package struct Answer: Sendable {
        package var release: ReleaseRow
        package var origin: Origin
        /// The instant up to which the events behind this list were read.
        package var asOf: String
        /// Seconds since then.
        package var ageSeconds: Double
        package var items: [ListedItem]
        package var isOwn: Bool { origin != .fallback }
    }

    /// Where in a release a list comes from.
    package enum Origin: String, Sendable {
        /// Made since the release was published.
        case overlay
        case own
        /// The one for users who have none.
        case fallback
    }

    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// - Parameters:
    ///   - user: the key as text; a malformed one is the server's error, naming the type.
    ///   - number: the release to look in; nil is the current one.
    package func list(of user: String, inRelease number: Int? = nil) throws -> Answer {
        try connection.transaction(.readOnlySnapshot, doing: "looking up a list") {
            let catalogue = ReleaseCatalogue(connection)
            guard let release = try number.map({ try catalogue.release($0) }) ?? catalogue.current() else {
                throw ReleaseError.noRelease
            }
            guard release.state != "building" else { throw ReleaseError.unfinished(release: release.release) }
            guard !release.isPruned else { throw ReleaseError.pruned(release: release.release) }
            let found = try connection.execute(
                """
                SELECT origin, payload, coalesce(as_of, $3::timestamptz)::text AS as_of,
                    extract(epoch FROM now() - coalesce(as_of, $3::timestamptz))::float8 AS age
                FROM (
                    SELECT 1 AS try, 'overlay' AS origin, payload, as_of FROM nearline.overlay
                    WHERE user_id = $1 AND release = $2::int
                    UNION ALL SELECT 2, 'own', payload, NULL FROM nearline.candidate
                    WHERE user_id = $1 AND release = $2::int
                    UNION ALL SELECT 3, 'fallback', payload, NULL FROM nearline.fallback WHERE release = $2::int
                ) l ORDER BY try LIMIT 1
                """, [.text(user), .int(Int64(release.release)), .text(release.asOf)],
                doing: "looking up user '\(user)'"
            ).first
            let list =
                try found.map { try ListDecoder(release: release.release, on: connection).decode($0.bytes("payload")) }
                ?? []
            return Answer(
                release: release, origin: try found.flatMap { Origin(rawValue: try $0.string("origin")) } ?? .fallback,
                asOf: try found?.string("as_of") ?? release.asOf,
                ageSeconds: try found?.double("age") ?? release.ageSeconds, items: try name(list, release.release))
        }
    }

    private func name(_ list: [Candidate], _ release: Int) throws -> [ListedItem] {
        let rows = "{" + list.map { String($0.row) }.joined(separator: ",") + "}"
        let keys = try connection.execute(
            """
            SELECT i.item_id::text AS item FROM unnest($2::int[]) WITH ORDINALITY AS w (item_row, place)
            JOIN nearline.release_item i ON i.item_row = w.item_row AND i.release = $1::int ORDER BY w.place
            """, [.int(Int64(release)), .text(rows)], doing: "naming the items of a list")
        guard keys.count == list.count else {
            throw ReleaseError.rowsMissing(
                table: Leaf.item.name(release), claimed: list.count, stored: keys.count)
        }
        return try zip(list, keys).enumerated().map { rank, pair in
            ListedItem(
                rank: rank + 1, item: try pair.1.string("item"), score: pair.0.score, source: pair.0.source)
        }
    }
}
