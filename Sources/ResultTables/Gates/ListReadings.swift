import Domain
import Postgres
import ResultCodec

/// Everything that one pass over the stored lists tells.
struct ListReadings {
    var items: DictionaryRows
    var own: ListInspection
    var transitions: TransitionInspection
    var fallback: StoredFallback
    /// Users without a list who would be shown, in the list for everybody, what they may not get.
    var deniedByFallback = 0
}

extension GateCheck {
    /// The pass: every list, every transition key, the list for everybody.
    func lists() throws -> ListReadings {
        let number = release.release, decoder = try ListDecoder(release: number, on: connection)
        let items = try DictionaryRows(of: number, denied: source.itemRelation, on: connection)
        var own = ListInspection(items, wanted: release.candidatesPerUser, decoder: decoder)
        try connection.copyOut(everyList, doing: "inspecting the lists of release \(number)") { row in
            guard let place = try row.bytes(), let payload = try row.bytes() else { return try row.skipRest() }
            own.take(place: place, payload: payload, denied: try row.bytes())
        }
        let fallback = try fallback(decoder, items)
        return ListReadings(
            items: items, own: own, transitions: try TransitionInspection(of: number, decoder, on: connection),
            fallback: fallback, deniedByFallback: try deniedByFallback(fallback.candidates))
    }

    /// Place, payload, and the item rows that the user may not get.
    private var everyList: String {
        guard let pairs = source.pairRelation else {
            return "SELECT ctid, payload, NULL::bytea FROM \(table(.candidate))"
        }
        return """
            SELECT c.ctid, c.payload, x.denied FROM \(table(.candidate)) c LEFT JOIN (
                SELECT p.user_id, string_agg(DISTINCT int4send(i.item_row), ''::bytea) AS denied
                FROM \(pairs) p JOIN \(table(.item)) i ON i.item_id = p.item_id GROUP BY p.user_id
            ) x ON x.user_id = c.user_id
            """
    }

    private func fallback(_ decoder: ListDecoder, _ items: DictionaryRows) throws -> StoredFallback {
        let stored = try connection.execute(
            "SELECT payload FROM nearline.fallback WHERE release = $1::int", [.int(Int64(release.release))],
            doing: "inspecting the fallback list"
        ).first?.bytes("payload")
        guard let stored else { return .missing }
        do {
            let list = try stored.withUnsafeBytes { try decoder.decode($0) }
            let isKnown = list.allSatisfy { items.knows($0.row) }
            return isKnown ? .list(list) : .damaged(fault: "it names item rows that the release does not have")
        } catch let error as PayloadError {
            return .damaged(fault: "\(error)")
        }
    }

    private func deniedByFallback(_ list: [Candidate]) throws -> Int {
        guard let pairs = source.pairRelation, !list.isEmpty else { return 0 }
        let rows = "{" + list.map { "\($0.row)" }.joined(separator: ",") + "}"
        return try connection.execute(
            """
            SELECT count(DISTINCT p.user_id) AS n FROM \(pairs) p JOIN \(table(.item)) i ON i.item_id = p.item_id
            WHERE p.user_id IS NOT NULL AND i.item_row = ANY ($1::int[])
                AND NOT EXISTS (SELECT FROM \(table(.candidate)) c WHERE c.user_id = p.user_id)
            """, [.text(rows)], doing: "looking for users whom the fallback list would show what they may not get")[0]
            .int("n")
    }
}
