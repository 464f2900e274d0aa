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
        /// False where the list is the one for users who have none.
        package var isOwn: Bool
        package var items: [ListedItem]
    }

    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// - Parameter user: the key as text; a malformed one is the server's error, naming the type.
    package func list(of user: String) throws -> Answer {
        try connection.transaction(.readOnlySnapshot, doing: "looking up a list") {
            guard let release = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
            let own = try connection.execute(
                "SELECT payload FROM nearline.candidate WHERE user_id = $1 AND release = $2::int",
                [.text(user), .int(Int64(release.release))], doing: "looking up user '\(user)'"
            ).first?.bytes("payload")
            let payload =
                try own
                ?? connection.execute(
                    "SELECT payload FROM nearline.fallback WHERE release = $1::int", [.int(Int64(release.release))],
                    doing: "reading the fallback list"
                ).first?.bytes("payload")
            let list = try payload.map { try PayloadDecoder.decode($0) } ?? []
            return Answer(release: release, isOwn: own != nil, items: try name(list, release.release))
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
