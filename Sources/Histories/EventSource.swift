import Domain
import Postgres

/// The user's relations by name: views, usually. Nearline only ever reads them.
package struct SourceNames: Equatable, Sendable {
    package var events: String
    package var items: String?
    package var exclusions: String?

    package init(events: String, items: String?, exclusions: String?) {
        self.events = events
        self.items = items
        self.exclusions = exclusions
    }
}

/// The source relations, checked: they exist, have the needed columns, and keys of a type that results can carry.
package struct EventSource: Sendable {
    package let names: SourceNames
    package let userType: IDType
    package let itemType: IDType
    package let hasSession: Bool
    package let hasScene: Bool
    package let itemColumns: Set<String>
    package let exclusionColumns: Set<String>
    /// Quoted, ready to stand in SQL.
    package let events: String
    let items: String?
    let exclusions: String?
    /// False where there is no table of users who are to be forgotten, as in a database that was never migrated.
    private let knowsForgotten: Bool

    package init(_ names: SourceNames, on connection: Connection) throws {
        self.names = names
        let columns = try EventSource.columns("events", names.events, on: connection)
        events = try EventSource.quoted(names.events)
        let needed = ["user_id", "item_id", "occurred_at", "action"]
        try EventSource.require(needed, in: columns, of: names.events)
        userType = try EventSource.key("user_id", columns, names.events)
        itemType = try EventSource.key("item_id", columns, names.events)
        guard columns["occurred_at"] == "timestamp with time zone" else {
            throw SourceError.unusableType(
                relation: names.events, column: "occurred_at", type: columns["occurred_at"]!, wanted: "timestamptz")
        }
        hasSession = columns["session_id"] != nil
        hasScene = columns["scene"] != nil

        var itemColumns: Set<String> = [], exclusionColumns: Set<String> = []
        items = try names.items.map(EventSource.quoted)
        exclusions = try names.exclusions.map(EventSource.quoted)
        for (role, name) in [("items", names.items), ("exclusions", names.exclusions)] {
            guard let name else { continue }
            let columns = try EventSource.columns(role, name, on: connection)
            try EventSource.require(["item_id"], in: columns, of: name)
            try EventSource.requireKey("item_id", columns, name, like: itemType)
            if role == "items" {
                itemColumns = Set(columns.keys)
            } else {
                exclusionColumns = Set(columns.keys)
                if columns["user_id"] != nil {
                    try EventSource.requireKey("user_id", columns, name, like: userType)
                }
            }
        }
        knowsForgotten = try connection.execute(
            "SELECT to_regclass('nearline.forgotten') IS NOT NULL AS there", doing: "looking for who is forgotten")[0]
            .bool("there")
        self.itemColumns = itemColumns
        self.exclusionColumns = exclusionColumns
    }

    /// A condition that leaves out the users who are to be forgotten.
    ///
    /// In two parts, so that where there is nobody, as usual, the first one is asked once, and no row after that.
    ///
    /// - Parameter column: `user_id`, with its alias where there is one.
    package func remembered(_ column: String = "user_id") -> String {
        guard knowsForgotten else { return "true" }
        return """
            (NOT EXISTS (SELECT FROM nearline.forgotten)
                OR NOT EXISTS (SELECT FROM nearline.forgotten gone (key) WHERE gone.key = \(column)::text))
            """
    }

    /// A condition that leaves out keys that no index of the result tables would take.
    static func sound(_ column: String, _ type: IDType) -> String {
        type == .text ? "octet_length(\(column)) <= \(IDType.longestText)" : "true"
    }

    /// `ORDER BY` for a key: text by bytes, so that the order does not depend on the server's locale.
    static func order(_ column: String, _ type: IDType) -> String { type == .text ? "\(column) COLLATE \"C\"" : column }

    /// A number that changes when events do: how many there are up to `asOf`, and the first and last time.
    /// Of items and exclusions every row counts, because a change of one is what an excluded item is.
    ///
    /// - Parameter withExclusions: false for what does not depend on them.
    package func fingerprint(asOf: String, withExclusions: Bool, on connection: Connection) throws -> String {
        let row = try connection.execute(
            """
            SELECT count(*) || ' ' || coalesce(min(occurred_at)::text, '') || ' ' || coalesce(max(occurred_at)::text, '')
                AS fingerprint FROM \(events) WHERE occurred_at <= $1::timestamptz AND \(remembered())
            """, [.text(asOf)], doing: "counting \(names.events)")[0]
        var fingerprint = try row.string("fingerprint")
        for relation in [items, withExclusions ? exclusions : nil].compactMap({ $0 }) {
            fingerprint +=
                try " "
                + connection.execute(
                    "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(r::text, 0)::numeric), 0) AS n FROM \(relation) r",
                    doing: "counting \(relation)")[0].string("n")
        }
        return fingerprint
    }

    /// The time of the newest event that is not in the future, as text; nil where there is none.
    package func newestEvent(on connection: Connection) throws -> String? {
        try connection.execute(
            """
            SELECT to_char(max(occurred_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS newest
            FROM \(events) WHERE occurred_at <= now() AND \(remembered())
            """, doing: "looking for the newest event in \(names.events)")[0].optionalString("newest")
    }

    /// The instant up to which a share of the events lies, as text.
    package func quantile(_ share: Double, asOf: String, on connection: Connection) throws -> String {
        let found = try connection.execute(
            """
            SELECT to_char(percentile_disc($2::float8) WITHIN GROUP (ORDER BY occurred_at) AT TIME ZONE 'UTC',
                'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS cut FROM \(events)
            WHERE occurred_at <= $1::timestamptz AND \(remembered())
            """, [.text(asOf), .real(share)], doing: "looking for a cut in \(names.events)")[0].optionalString("cut")
        guard let found else { throw SourceError.noEvents(relation: names.events, asOf: asOf) }
        return found
    }

    private static func quoted(_ name: String) throws -> String {
        guard let quoted = Quote.relation(name) else { throw SourceError.badName(name) }
        return quoted
    }

    private static func columns(
        _ role: String, _ name: String, on connection: Connection
    ) throws -> [String: String] {
        let relation = try quoted(name)
        let rows = try connection.execute(
            """
            SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS type
            FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
            """, [.text(relation)], doing: "looking at the \(role) relation \(name)")
        guard !rows.isEmpty else { throw SourceError.missingRelation(role: role, name: name) }
        var columns: [String: String] = [:]
        for row in rows { columns[try row.string("name")] = try row.string("type") }
        return columns
    }

    private static func require(_ needed: [String], in columns: [String: String], of name: String) throws {
        let missing = needed.filter { columns[$0] == nil }
        guard missing.isEmpty else {
            throw SourceError.missingColumns(relation: name, missing: missing, found: columns.keys.sorted())
        }
    }

    private static func key(_ column: String, _ columns: [String: String], _ name: String) throws -> IDType {
        guard let type = IDType(postgresName: columns[column]!) else {
            throw SourceError.unusableType(
                relation: name, column: column, type: columns[column]!, wanted: "bigint, integer, uuid or text")
        }
        return type
    }

    /// A key to be compared with one of the events: of the same type, or both whole numbers.
    private static func requireKey(
        _ column: String, _ columns: [String: String], _ name: String, like wanted: IDType
    ) throws {
        let integers: Set<IDType> = [.int, .bigint]
        let type = IDType(postgresName: columns[column]!)
        guard let type, type == wanted || integers.isSuperset(of: [type, wanted]) else {
            throw SourceError.unusableType(
                relation: name, column: column, type: columns[column]!, wanted: "\(wanted.rawValue), as the events do")
        }
    }
}
