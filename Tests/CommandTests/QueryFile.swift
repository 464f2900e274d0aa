import Foundation
import Testing

/// One file of `sql/queries`, run as an analyst runs it.
struct QueryFile: Sendable {
    let name: String

    static let folder =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/sql/queries"

    private var path: String { "\(Self.folder)/\(name)" }

    /// The answer of the file's one statement that answers: its columns in order, and its rows.
    func run(
        on shop: QueryShop, _ variables: [String: String] = [:], at location: SourceLocation = #_sourceLocation
    ) throws -> (columns: [String], rows: [QueryRow]) {
        // Keys hold commas and quotes, so the marks between are ones that no key has.
        let ended = try shop.psql(
            ["-A", "-F", "\u{1f}", "-R", "\u{1e}", "-P", "footer=off", "-f", path] + Self.given(variables))
        try #require(ended.code == 0, "\(name): \(ended.errors)", sourceLocation: location)
        #expect(ended.errors.isEmpty, "\(name): \(ended.errors)", sourceLocation: location)
        let lines = ended.output.trimmingCharacters(in: .newlines).split(separator: "\u{1e}").map {
            $0.split(separator: "\u{1f}", omittingEmptySubsequences: false).map(String.init)
        }
        let columns = try #require(lines.first, "\(name) answers nothing", sourceLocation: location)
        let rows = lines.dropFirst().map { QueryRow(values: Dictionary(zip(columns, $0)) { first, _ in first }) }
        try #require(lines.allSatisfy { $0.count == columns.count }, "\(name) answers twice", sourceLocation: location)
        return (columns, Array(rows))
    }

    /// The tables of releases that the statement really looked at, and the indexes that it probed.
    ///
    /// - Parameter avoidsScans: where the tables are too small for an index to be worth anything.
    func plan(on shop: QueryShop, avoidsScans: Bool = false) throws -> QueryPlan {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let start = try #require(
            [text.range(of: "\n\nSELECT "), text.range(of: "\n\nWITH ")].compactMap(\.self).first,
            "\(name) has no statement behind a blank line")
        let explained =
            text[..<start.lowerBound] + "\nEXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON)"
            + text[start.lowerBound...]
        let copy = "\(shop.folder)/\(UInt64.random(in: .min ... .max)).sql"
        try Data(explained.utf8).write(to: URL(fileURLWithPath: copy))
        defer { unlink(copy) }
        let options = "-c search_path=pg_catalog" + (avoidsScans ? " -c enable_seqscan=off" : "")
        let ended = try shop.psql(["-At", "-f", copy], with: ["PGOPTIONS": options])
        try #require(ended.code == 0, "\(name): \(ended.errors)")
        return try QueryPlan(json: Data(ended.output.utf8))
    }

    private static func given(_ variables: [String: String]) -> [String] {
        variables.flatMap { ["-v", "\($0)=\($1)"] }
    }
}

/// A row of an answer by column, as psql prints it.
struct QueryRow {
    let values: [String: String]

    /// The text of a column; where there is none, words that no test expects.
    subscript(_ column: String) -> String { values[column] ?? "no column \(column)" }

    func number(_ column: String) -> Double { Double(self[column]) ?? .nan }
}

/// What a plan did, read from `EXPLAIN (ANALYZE, FORMAT JSON)`.
struct QueryPlan {
    /// Tables that belong to a release and were really looked at: "candidate_r3".
    private(set) var leaves: Set<String> = []
    /// Indexes of them that were probed for a key, not read from end to end.
    private(set) var probed: Set<String> = []

    init(json: Data) throws {
        let root = try #require(try JSONSerialization.jsonObject(with: json) as? [[String: Any]])
        try add(#require(root.first?["Plan"] as? [String: Any]))
    }

    private mutating func add(_ node: [String: Any]) {
        if let relation = node["Relation Name"] as? String, relation.contains(/_r[0-9]+$/),
            node["Actual Loops"] as? Double ?? 0 > 0
        {
            leaves.insert(relation)
            if let index = node["Index Name"] as? String, node["Index Cond"] != nil { probed.insert(index) }
        }
        for child in node["Plans"] as? [[String: Any]] ?? [] { add(child) }
    }
}
