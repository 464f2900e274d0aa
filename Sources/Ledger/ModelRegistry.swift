import Postgres

/// A trained model as the database knows it; the numbers are in its file.
package struct ModelRow: Sendable {
    package var model: String
    package var file: String
    package var asOf: String
    package var vocabularyHash: String
    package var itemType: String
    /// Whether its file was removed by a prune.
    package var isRemoved = false

    package init(model: String, file: String, asOf: String, vocabularyHash: String, itemType: String) {
        self.model = model
        self.file = file
        self.asOf = asOf
        self.vocabularyHash = vocabularyHash
        self.itemType = itemType
    }
}

/// Which models there are, and which is the newest.
package struct ModelRegistry {
    private let connection: Connection
    private static let newestFirst = "ORDER BY nearline.model.as_of DESC, created_at DESC"

    package init(_ connection: Connection) { self.connection = connection }

    /// The model that has seen the newest events, and of those the one trained last; nil where there is none.
    ///
    /// - Parameter instant: models that have seen later events are left out.
    package func newest(notAfter instant: String?) throws -> ModelRow? {
        try rows(
            "WHERE removed_at IS NULL AND as_of <= coalesce($1::timestamptz, 'infinity') \(Self.newestFirst) LIMIT 1",
            [Parameter(instant)]
        ).first
    }

    /// The model that has seen the newest events before an instant, and of those the one trained last; nil where there is none.
    package func newest(before instant: String) throws -> ModelRow? {
        try rows(
            "WHERE removed_at IS NULL AND as_of < $1::timestamptz \(Self.newestFirst) LIMIT 1",
            [.text(instant)]
        ).first
    }

    /// The model that has seen the fewest late events, and of those the one trained first; nil where there is none.
    package func oldest() throws -> ModelRow? {
        try rows("WHERE removed_at IS NULL ORDER BY nearline.model.as_of, created_at LIMIT 1", []).first
    }

    /// Models whose file is there and which nobody needs, oldest first: neither the newest, which lists are made with and training
    /// goes on from, nor those of releases that are kept.
    ///
    /// - Parameter age: an interval as PostgreSQL reads it; what was trained more recently stays.
    package func unneeded(olderThan age: String) throws -> [ModelRow] {
        try rows(
            """
            WHERE removed_at IS NULL AND created_at <= now() - $1::interval
                AND model <> (SELECT n.model FROM nearline.model n WHERE n.removed_at IS NULL
                    ORDER BY n.as_of DESC, n.created_at DESC LIMIT 1)
                AND NOT EXISTS (SELECT FROM nearline.release r
                    WHERE r.model = nearline.model.model AND r.pruned_at IS NULL AND r.state <> 'failed')
            ORDER BY nearline.model.as_of, created_at
            """, [.text(age)])
    }

    package func markRemoved(_ model: String) throws {
        try connection.execute(
            "UPDATE nearline.model SET removed_at = now() WHERE model = $1", [.text(model)],
            doing: "noting that model \(model) is gone")
    }

    package func named(_ model: String) throws -> ModelRow? { try rows("WHERE model = $1", [.text(model)]).first }

    /// - Parameter settings, figures: JSON.
    package func register(_ row: ModelRow, settings: String, figures: String) throws {
        try connection.execute(
            """
            INSERT INTO nearline.model (model, file, as_of, vocabulary_hash, item_type, settings, figures)
            VALUES ($1, $2, $3::timestamptz, $4, $5, $6::jsonb, $7::jsonb)
            ON CONFLICT (model) DO UPDATE
            SET file = EXCLUDED.file, figures = EXCLUDED.figures, created_at = now(), removed_at = NULL
            """,
            [
                .text(row.model), .text(row.file), .text(row.asOf), .text(row.vocabularyHash), .text(row.itemType),
                .text(settings), .text(figures),
            ], doing: "registering model \(row.model)")
    }

    private func rows(_ rest: String, _ parameters: [Parameter]) throws -> [ModelRow] {
        try connection.execute(
            """
            SELECT model, file, as_of::text AS as_of, vocabulary_hash, item_type, removed_at IS NOT NULL AS is_removed
            FROM nearline.model \(rest)
            """, parameters, doing: "reading the models"
        ).map { row in
            var model = ModelRow(
                model: try row.string("model"), file: try row.string("file"), asOf: try row.string("as_of"),
                vocabularyHash: try row.string("vocabulary_hash"), itemType: try row.string("item_type"))
            model.isRemoved = try row.bool("is_removed")
            return model
        }
    }
}
