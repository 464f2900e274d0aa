import Domain
import Postgres

/// The gates of what lists hold.
extension GateCheck {
    func popularOnly(_ own: ListInspection) -> GateFinding {
        let query = """
            SELECT c.user_id, u.source, count(*) AS candidates FROM \(table(.candidate)) c \
            CROSS JOIN LATERAL nearline.unpack(c.payload) u WHERE \(own.popularOnly.condition(on: "c")) GROUP BY 1, 2
            """
        return finding(
            .fallback, Double(own.popularOnly.count) / Double(max(own.lists, 1)) <= bounds.maxFallbackShare,
            "\(portion(own.popularOnly.count, of: own.lists)) lists hold popular items only",
            bound: "at most \(percent(bounds.maxFallbackShare))", query: query)
    }

    func excluded(_ lists: ListReadings) -> GateFinding {
        let own = lists.own.excluded
        let inFallback = lists.fallback.candidates.filter { lists.items.isDenied(Int($0.row)) }.count
        var figure = "\(own.count) of \(lists.own.lists) lists hold an item that their user may not get"
        if inFallback > 0 { figure += "; the fallback list holds \(inFallback) that nobody may get" }
        if lists.deniedByFallback > 0 {
            figure += "; \(lists.deniedByFallback) users without a list would get theirs from the fallback list"
        }
        let isWithin =
            bounds.maxExcludedShare > 0
            && Double(own.count + lists.deniedByFallback) <= bounds.maxExcludedShare * Double(lists.own.lists)
        return finding(
            .excluded, own.count == 0 && inFallback == 0 && lists.deniedByFallback == 0 || isWithin, figure,
            bound: bounds.maxExcludedShare == 0 ? "none" : "at most \(percent(bounds.maxExcludedShare))",
            query: exclusionQuery(own))
    }

    /// Each part joins, so that it is quick whatever the source looks like.
    private func exclusionQuery(_ own: Offenders) -> String {
        let lists = """
            FROM \(table(.candidate)) c CROSS JOIN LATERAL nearline.unpack(c.payload) u \
            JOIN \(table(.item)) i USING (item_row)
            """
        let fallback = """
            FROM nearline.fallback f CROSS JOIN LATERAL nearline.unpack(f.payload) u \
            JOIN \(table(.item)) i USING (item_row)
            """
        var parts: [String] = []
        if let items = source.itemRelation {
            let join = "JOIN \(items) d ON d.item_id = i.item_id"
            parts += [
                "SELECT 'own' AS list, c.user_id, u.rank, i.item_id \(lists) \(join) WHERE \(own.condition(on: "c"))",
                "SELECT 'fallback', NULL, u.rank, i.item_id \(fallback) \(join) WHERE f.release = \(release.release)",
            ]
        }
        if let pairs = source.pairRelation {
            parts += [
                """
                SELECT 'own' AS list, c.user_id, u.rank, i.item_id \(lists) \
                JOIN \(pairs) p ON p.user_id = c.user_id AND p.item_id = i.item_id WHERE \(own.condition(on: "c"))
                """,
                """
                SELECT 'fallback', p.user_id, u.rank, i.item_id \(fallback) \
                JOIN \(pairs) p ON p.item_id = i.item_id WHERE f.release = \(release.release) \
                AND NOT EXISTS (SELECT FROM \(table(.candidate)) c WHERE c.user_id = p.user_id)
                """,
            ]
        }
        guard !parts.isEmpty else { return "SELECT 'no exclusions are configured' AS list" }
        return parts.joined(separator: " UNION ALL ") + " LIMIT 100"
    }

    /// Analysts read the stored counts; a recount is what the lists say.
    func exposure(_ own: ListInspection) throws -> GateFinding {
        let differing = try ExposureDifference(own.exposure, of: release.release, on: connection)
        let bound = "equal counts", query = differing.query
        guard own.damaged.count == 0 else {
            return finding(
                .exposure, true, "not judged: \(own.damaged.count) lists cannot be read", bound: bound, query: query)
        }
        return finding(
            .exposure, differing.count == 0,
            "\(differing.count) of \(own.exposure.count) items have other counts than their lists give", bound: bound,
            query: query)
    }
}
