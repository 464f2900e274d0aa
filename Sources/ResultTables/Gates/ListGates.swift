import Domain

/// The gates of single lists: damage, repeats, length.
extension GateCheck {
    /// The gates that follow from the pass.
    func judged(_ lists: ListReadings) throws -> [GateFinding] {
        [
            damaged(lists), duplicates(lists.own), empty(lists), short(lists.own), popularOnly(lists.own),
            excluded(lists), try exposure(lists.own),
        ]
    }

    private func damaged(_ lists: ListReadings) -> GateFinding {
        var figure = "\(lists.own.damaged.count) of \(lists.own.lists) lists cannot be read"
        if let fault = lists.own.firstFault { figure += " (the first: \(fault))" }
        if lists.transitions.damaged.count > 0 {
            figure += "; \(lists.transitions.damaged.count) of \(lists.transitions.keys) transition keys"
        }
        var fallbackIsDamaged = false
        if case .damaged(let fault) = lists.fallback {
            fallbackIsDamaged = true
            figure += "; the fallback list (\(fault))"
        }
        let head = "octet_length(payload) AS byte_count, encode(substring(payload FROM 1 FOR 14), 'hex') AS header"
        let query = """
            SELECT 'user ' || c.user_id AS list, \(head) FROM \(table(.candidate)) c \
            WHERE \(lists.own.damaged.condition(on: "c")) UNION ALL SELECT 'transition key ' || t.key, \(head) \
            FROM \(table(.transition)) t WHERE \(lists.transitions.damaged.condition(on: "t")) \
            UNION ALL SELECT 'fallback', \(head) FROM nearline.fallback f \
            WHERE f.release = \(release.release) AND \(fallbackIsDamaged)
            """
        let passed = lists.own.damaged.count == 0 && lists.transitions.damaged.count == 0 && !fallbackIsDamaged
        return finding(.damaged, passed, figure, bound: "none", query: query)
    }

    private func duplicates(_ own: ListInspection) -> GateFinding {
        let query = """
            SELECT c.user_id, i.item_id, count(*) AS places FROM \(table(.candidate)) c \
            CROSS JOIN LATERAL nearline.unpack(c.payload) u JOIN \(table(.item)) i USING (item_row) \
            WHERE \(own.duplicates.condition(on: "c")) GROUP BY 1, 2 HAVING count(*) > 1
            """
        return finding(
            .duplicates, own.duplicates.count == 0,
            "\(own.duplicates.count) of \(own.lists) lists hold an item more than once", bound: "none", query: query)
    }

    private func empty(_ lists: ListReadings) -> GateFinding {
        let own = lists.own, share = Double(own.empty.count) / Double(max(own.lists, 1))
        var figure = "\(portion(own.empty.count, of: own.lists)) lists are empty", fallbackIsEmpty = false
        switch lists.fallback {
        case .missing:
            fallbackIsEmpty = true
            figure += "; there is no fallback list"
        case .list(let list) where list.isEmpty && lists.items.eligible > 0:
            fallbackIsEmpty = true
            figure += "; the fallback list is empty"
        default: break
        }
        return finding(
            .empty, share <= bounds.maxEmptyShare && !fallbackIsEmpty, figure,
            bound: "at most \(percent(bounds.maxEmptyShare)), and a fallback list", query: lengths(own.empty))
    }

    private func short(_ own: ListInspection) -> GateFinding {
        finding(
            .short, Double(own.short.count) / Double(max(own.lists, 1)) <= bounds.maxShortShare,
            "\(portion(own.short.count, of: own.lists)) lists hold fewer than \(release.candidatesPerUser) candidates "
                + "although there are items enough",
            bound: "at most \(percent(bounds.maxShortShare))", query: lengths(own.short))
    }

    private func lengths(_ offenders: Offenders) -> String {
        """
        SELECT c.user_id, (SELECT count(*) FROM nearline.unpack(c.payload)) AS candidates FROM \(table(.candidate)) c \
        WHERE \(offenders.condition(on: "c"))
        """
    }
}
