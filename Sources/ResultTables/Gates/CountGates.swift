import Postgres

/// The gates that compare numbers of rows and bytes.
extension GateCheck {
    func rows() throws -> GateFinding {
        let query = """
            SELECT r.users AS users_stated, \
            (SELECT sum(s.users) FROM nearline.release_shard s WHERE s.release = r.release) AS users_booked, \
            (SELECT count(*) FROM \(table(.candidate))) AS users_stored, r.items AS items_stated, \
            (SELECT count(*) FROM \(table(.item))) AS items_stored, \
            (SELECT count(*) FROM \(table(.item)) WHERE item_row NOT BETWEEN 0 AND r.items - 1) AS items_out_of_place, \
            r.transitions AS transitions_stated, (SELECT count(*) FROM \(table(.transition))) AS transitions_stored \
            FROM nearline.release r WHERE r.release = \(release.release)
            """
        let row = try connection.execute(query, doing: "counting the rows of release \(release.release)")[0]
        func text(_ column: String) throws -> String { try row.optionalString(column) ?? "no" }
        let users = try ["users_stated", "users_booked", "users_stored"].map(text)
        let items = try ["items_stated", "items_stored"].map(text)
        let transitions = try ["transitions_stated", "transitions_stored"].map(text)
        let misplaced = try row.int("items_out_of_place")
        var figure =
            "\(users[0]) users stated, \(users[1]) booked, \(users[2]) stored; \(items[0]) items stated, "
            + "\(items[1]) stored; \(transitions[0]) transition keys stated, \(transitions[1]) stored"
        if misplaced > 0 { figure += "; \(misplaced) item rows out of place" }
        let isEqual = [users, items, transitions].allSatisfy { Set($0).count == 1 }
        return finding(.rows, isEqual && misplaced == 0, figure, bound: "equal numbers", query: query)
    }

    func users() -> GateFinding {
        let query = "SELECT release, state, users FROM nearline.release WHERE release IN (\(numbers)) ORDER BY release"
        var figure = "\(release.users) users", passed = release.users >= bounds.minUsers
        if let current, current.users > 0 {
            let change = Double(release.users - current.users) / Double(current.users)
            figure += ", \(percent(abs(change))) \(change < 0 ? "fewer" : "more") than release \(current.release)"
            passed = passed && -change <= bounds.maxUserDrop && change <= bounds.maxUserGrowth
        }
        return finding(
            .users, passed, figure,
            bound: "at least \(bounds.minUsers); at most \(percent(bounds.maxUserDrop)) fewer, "
                + "\(percent(bounds.maxUserGrowth)) more",
            query: query)
    }

    /// Where lists are wanted longer or shorter than in the current release, as many more or fewer bytes are expected.
    func size(_ lists: ListInspection) -> GateFinding {
        let query = """
            SELECT r.release, r.candidates_per_user, avg(octet_length(c.payload)) AS bytes_per_user \
            FROM nearline.release r JOIN nearline.candidate c USING (release) WHERE r.release IN (\(numbers)) \
            GROUP BY r.release ORDER BY r.release
            """
        let bound = "a change by a factor of \(bounds.maxSizeChange) at most"
        let bytes = Double(lists.byteCount) / Double(max(lists.lists, 1))
        var figure = "\(rounded(bytes, places: 1)) bytes a user"
        guard let current, current.users > 0, current.payloadBytes > 0, current.candidatesPerUser > 0, bytes > 0 else {
            return finding(.size, true, figure + ", nothing to compare with", bound: bound, query: query)
        }
        let before = Double(current.payloadBytes) / Double(current.users)
        let expected = before * Double(release.candidatesPerUser) / Double(current.candidatesPerUser)
        figure += ", \(rounded(before, places: 1)) in release \(current.release)"
        if release.candidatesPerUser != current.candidatesPerUser {
            figure += " (for \(current.candidatesPerUser) candidates, now \(release.candidatesPerUser))"
        }
        let passed = max(bytes / expected, expected / bytes) <= bounds.maxSizeChange
        return finding(.size, passed, figure, bound: bound, query: query)
    }
}
