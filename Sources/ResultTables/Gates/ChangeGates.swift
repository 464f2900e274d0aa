import Postgres

/// The gates that compare what lists hold, and what the model is worth, with the current release.
extension GateCheck {
    func overlap() throws -> GateFinding {
        guard let current else {
            return finding(
                .overlap, true, "no current release to compare with", bound: "none",
                query: "SELECT release, state FROM nearline.release WHERE release = \(release.release)")
        }
        let query = OverlapSample.query(new: release.release, old: current.release, users: bounds.overlapUsers)
        let mayBeEqual = try isMadeFromTheSame(as: current)
        let bound =
            mayBeEqual
            ? "at least \(percent(bounds.minOverlap)); made from the same, so all of it is allowed"
            : "\(percent(bounds.minOverlap)) to \(percent(bounds.maxOverlap))"
        let sample = try OverlapSample(
            new: release.release, old: current.release, oldItems: current.items, users: bounds.overlapUsers,
            on: connection)
        guard sample.users > 0 else {
            return finding(
                .overlap, true, "no user has a list in release \(current.release) too", bound: bound, query: query)
        }
        let passed = sample.mean >= bounds.minOverlap && (mayBeEqual || sample.mean <= bounds.maxOverlap)
        return finding(
            .overlap, passed,
            "\(percent(sample.mean)) of a list in common with release \(current.release), "
                + "mean of \(sample.users) users",
            bound: bound, query: query)
    }

    /// Whether model and events are those of the current release: then its lists may well be the same.
    private func isMadeFromTheSame(as current: ReleaseRow) throws -> Bool {
        guard release.model == current.model else { return false }
        guard release.asOf != current.asOf else { return true }
        guard let events = source.events else { return false }
        return try !connection.execute(
            """
            SELECT EXISTS (SELECT FROM \(events) WHERE occurred_at > least($1::timestamptz, $2::timestamptz)
                AND occurred_at <= greatest($1::timestamptz, $2::timestamptz)) AS any
            """, [.text(release.asOf), .text(current.asOf)],
            doing: "looking for events since release \(current.release)")[
                0
            ].bool("any")
    }

    /// What a trained model's figures call the number that is compared.
    private static let heldOutFigure = "held_out_ndcg_at_100"

    /// Models are judged by the sessions that training held out: by NDCG@100, as training notes no other figure.
    func recall() throws -> GateFinding {
        let key = Self.heldOutFigure
        let query = """
            SELECT r.release, r.model, CASE WHEN jsonb_typeof(m.figures -> '\(key)') = 'number' \
            THEN (m.figures ->> '\(key)')::float8 END AS held_out FROM nearline.release r \
            JOIN nearline.model m USING (model) WHERE r.release IN (\(numbers)) ORDER BY r.release
            """
        let rows = try connection.execute(query, doing: "reading the figures of models")
        func heldOut(_ number: Int?) throws -> Double? {
            try rows.first { try $0.int("release") == number }?.optionalDouble("held_out")
        }
        let bound =
            "at least \(bounds.minRecall), at most \(percent(bounds.maxRecallDrop)) below the current release's model"
        guard let found = try heldOut(release.release) else {
            return finding(
                .recall, true, "model \(release.model) has no held-out figure", bound: bound, query: query)
        }
        var figure = "\(key) \(rounded(found, places: 4))", passed = found >= bounds.minRecall
        if let current, let before = try heldOut(current.release) {
            figure += ", \(rounded(before, places: 4)) of release \(current.release)'s model"
            passed = passed && before - found <= bounds.maxRecallDrop * before
        }
        return finding(.recall, passed, figure, bound: bound, query: query)
    }

    func transitions() throws -> GateFinding {
        let bound =
            "at least \(percent(bounds.minTransitionOverlap)) in common; "
            + "at most \(percent(bounds.maxTransitionDrop)) fewer keys"
        guard let current, current.transitions > 0 else {
            return finding(
                .transitions, true, "\(release.transitions) keys, none to compare with", bound: bound,
                query: "SELECT count(*) AS keys FROM \(table(.transition))")
        }
        let overlap = try TransitionOverlap(new: release.release, old: current.release, on: connection)
        let drop = Double(current.transitions - release.transitions) / Double(current.transitions)
        var figure = "\(release.transitions) keys, \(current.transitions) in release \(current.release); "
        figure +=
            overlap.keys > 0
            ? "\(percent(overlap.mean)) of their first clusters in common, mean of \(overlap.keys) keys"
            : "no key of the one is in the other"
        let passed =
            drop <= bounds.maxTransitionDrop && (overlap.keys == 0 || overlap.mean >= bounds.minTransitionOverlap)
        return finding(
            .transitions, passed, figure, bound: bound,
            query: TransitionOverlap.query(new: release.release, old: current.release))
    }
}
