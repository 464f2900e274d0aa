/// What may not be recommended, as the source says it now and not as it was when the release was built.
package struct GateSource: Sendable, Equatable {
    /// A query that gives the `item_id` of what nobody may get, with the type that it has in the result tables.
    package var deniedForEverybody: String?
    /// A query that gives the `user_id` and `item_id` of what single users may not get, with the same types.
    package var deniedPairs: String?

    /// The events, as a quoted relation with a column `occurred_at`; nil where nobody can say whether there are new ones.
    package var events: String?

    package init(deniedForEverybody: String? = nil, deniedPairs: String? = nil, events: String? = nil) {
        self.events = events
        self.deniedForEverybody = deniedForEverybody
        self.deniedPairs = deniedPairs
    }

    /// The denied items as a relation with a column `item_id`, each once.
    var itemRelation: String? { deniedForEverybody.map { "(SELECT DISTINCT item_id FROM \(Self.relation($0)) q)" } }

    /// The denied pairs as a relation with columns `user_id` and `item_id`.
    var pairRelation: String? { deniedPairs.map { "(SELECT user_id, item_id FROM \(Self.relation($0)) q)" } }

    /// The line break ends a comment at the end of the query; without a need for it, queries stay on one line.
    private static func relation(_ query: String) -> String { "(\(query)\(query.contains("--") ? "\n" : ""))" }
}
