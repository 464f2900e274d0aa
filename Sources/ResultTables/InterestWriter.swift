import Postgres

/// What a language model expects behind the keys of one build of transitions, and how it was judged.
package struct InterestSet: Sendable {
    /// A key of `nearline.transition` with the cluster that is expected, and the counted one that was told.
    package struct Expected: Equatable, Sendable {
        package var key: Int64
        package var cluster: Int
        package var hint: Int?

        package init(key: Int64, cluster: Int, hint: Int?) {
            self.key = key
            self.cluster = cluster
            self.hint = hint
        }
    }

    package var model: String
    package var gaveHint: Bool
    package var judgedKeys: Int
    /// Next clusters after the cut that it was judged by.
    package var heldOut: Int
    package var validShare: Double
    package var hitRate: Double
    package var hintHitRate: Double
    package var asHinted: Double
    package var expected: [Expected]

    package init(
        model: String, gaveHint: Bool, judgedKeys: Int, heldOut: Int, validShare: Double, hitRate: Double,
        hintHitRate: Double, asHinted: Double, expected: [Expected]
    ) {
        self.model = model
        self.gaveHint = gaveHint
        self.judgedKeys = judgedKeys
        self.heldOut = heldOut
        self.validShare = validShare
        self.hitRate = hitRate
        self.hintHitRate = hintHitRate
        self.asHinted = asHinted
        self.expected = expected
    }
}

/// Stores the expectations of a build in place of those that it, or an earlier build of its release, had.
package struct InterestWriter {
    private let release: Int
    private let connection: Connection

    package init(release: Int, on connection: Connection) {
        self.release = release
        self.connection = connection
    }

    /// All of them in one transaction, or none: where the release or its build is another than was asked about, throws
    /// ``ReleaseError/supersededMeanwhile(release:by:)`` or ``ReleaseError/rebuiltMeanwhile(release:build:)``.
    package func store(_ set: InterestSet, ofBuild build: Int) throws {
        try connection.transaction(doing: "storing the interests of build \(build)") {
            try requireServed(build)
            try connection.execute(
                """
                DELETE FROM nearline.interest_set s USING nearline.transition_build b
                WHERE b.build = s.build AND b.release = $1::int
                """, [.int(Int64(release))], doing: "clearing the interests of release \(release)")
            try book(set, build)
            _ = try connection.copyIn(
                "nearline.interest", columns: ["build", "key", "cluster", "hint"], doing: "writing interests"
            ) { out in
                for expected in set.expected {
                    try out.beginRow(fields: 4)
                    out.int32(Int32(build))
                    out.int64(expected.key)
                    out.int32(Int32(expected.cluster))
                    if let hint = expected.hint { out.int32(Int32(hint)) } else { out.null() }
                }
            }
        }
        // Lookups ask for one key of many; autovacuum would come to it later.
        _ = try? connection.execute("ANALYZE nearline.interest", doing: "analysing interests")
    }

    /// The pointer and the release stay as they are until the transaction ends.
    private func requireServed(_ build: Int) throws {
        let current = try connection.execute(
            "SELECT release FROM nearline.current_release FOR SHARE", doing: "holding the pointer"
        ).first?.int("release")
        guard current == release else { throw ReleaseError.supersededMeanwhile(release: release, by: current ?? 0) }
        let stored = try connection.execute(
            "SELECT transition_build FROM nearline.release WHERE release = $1::int FOR SHARE", [.int(Int64(release))],
            doing: "holding release \(release)"
        ).first?.optionalInt("transition_build")
        guard stored == build else { throw ReleaseError.rebuiltMeanwhile(release: release, build: stored ?? 0) }
    }

    private func book(_ set: InterestSet, _ build: Int) throws {
        try connection.execute(
            """
            INSERT INTO nearline.interest_set (build, model, gave_hint, keys, judged_keys, held_out, valid_share, hit_rate,
                hint_hit_rate, as_hinted)
            VALUES ($1::int, $2, $3::boolean, $4::bigint, $5::bigint, $6::bigint, $7::real, $8::real, $9::real, $10::real)
            """,
            [
                .int(Int64(build)), .text(set.model), .bool(set.gaveHint),
                .int(Int64(set.expected.count)), .int(Int64(set.judgedKeys)), .int(Int64(set.heldOut)),
                .real(set.validShare), .real(set.hitRate), .real(set.hintHitRate), .real(set.asHinted),
            ], doing: "booking the interests of build \(build)")
    }
}
