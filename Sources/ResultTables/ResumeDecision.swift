import Domain
import Postgres

/// A release whose run ended before it was whole.
package struct UnfinishedRelease: Equatable, Sendable {
    package let release: Int
    package let settingsHash: String
    /// The parts of the hash, by name.
    package let madeFrom: [String: String]
    package let isPlanned: Bool
    package let isUnlogged: Bool

    package init(
        release: Int, settingsHash: String, madeFrom: [String: String], isPlanned: Bool, isUnlogged: Bool = false
    ) {
        self.release = release
        self.settingsHash = settingsHash
        self.madeFrom = madeFrom
        self.isPlanned = isPlanned
        self.isUnlogged = isUnlogged
    }
}

/// Whether a run goes on with a release that an earlier one has left, or begins a new one.
///
/// Decided from what is written down alone: no clock, no database.
package struct ResumeDecision: Equatable, Sendable {
    /// The release to go on with; nil begins one.
    package var goesOnWith: Int?
    /// Left releases that are of no use, each with the reason.
    package var discards: [Int: String] = [:]

    /// - Parameters:
    ///   - unfinished: what earlier runs left.
    ///   - beginsAnew: whatever there is, as `--again` asks.
    package init(
        _ unfinished: [UnfinishedRelease], settingsHash: String, madeFrom: [String: String], unlogged: Bool,
        beginsAnew: Bool
    ) {
        for left in unfinished.sorted(by: { $0.release > $1.release }) {
            if beginsAnew {
                discards[left.release] = "asked for from scratch"
            } else if let reason = Self.difference(left, settingsHash, madeFrom, unlogged) {
                discards[left.release] = reason
            } else if goesOnWith != nil {
                discards[left.release] = "a later run had begun the same anew"
            } else {
                goesOnWith = left.release
            }
        }
    }

    /// The part of what a release is made from that no hash has: an upgrade is no reason to make a whole release anew, but two
    /// halves of one come from one program.
    package static let program = "nearline"

    /// Why a release cannot be gone on with; nil where it can.
    private static func difference(
        _ left: UnfinishedRelease, _ settingsHash: String, _ madeFrom: [String: String], _ unlogged: Bool
    ) -> String? {
        guard left.settingsHash == settingsHash, left.madeFrom[program] == madeFrom[program] else {
            let parts = Set(madeFrom.keys).union(left.madeFrom.keys).sorted().filter {
                madeFrom[$0] != left.madeFrom[$0]
            }
            guard !parts.isEmpty else { return "it was made from something else" }
            return "made from another "
                + parts.map { "\($0) (\(left.madeFrom[$0] ?? "none"), now \(madeFrom[$0] ?? "none"))" }
                .joined(separator: ", ")
        }
        guard left.isUnlogged == unlogged else { return left.isUnlogged ? "it is unlogged" : "it is logged" }
        return left.isPlanned ? nil : "its run ended before its users were divided"
    }
}

extension ReleaseCatalogue {
    /// Releases that are being built, or were when their run ended.
    ///
    /// - Parameter history: those of this past day that a backfill has begun; nil for all that were to be served.
    package func unfinished(history: LogicalDate? = nil) throws -> [UnfinishedRelease] {
        try connection.execute(
            """
            SELECT r.release, r.settings_hash, r.is_unlogged, to_regclass('nearline.candidate_r' || r.release) IS NOT NULL
                AND EXISTS (SELECT FROM nearline.release_shard s WHERE s.release = r.release) AS is_planned
            FROM nearline.release r WHERE r.state = 'building'
                AND r.is_history = ($1::date IS NOT NULL) AND ($1::date IS NULL OR r.logical_date = $1::date)
            ORDER BY r.release
            """, [Parameter(history?.description)], doing: "looking for unfinished releases"
        ).map { row in
            UnfinishedRelease(
                release: try row.int("release"), settingsHash: try row.string("settings_hash"),
                madeFrom: try madeFrom(row.int("release")), isPlanned: try row.bool("is_planned"),
                isUnlogged: try row.bool("is_unlogged"))
        }
    }

    /// The as-of instant of the newest unfinished release of the last hours whose run was asked for this one, such as
    /// "now".
    package func unfinishedInstant(askedAsOf asked: String) throws -> String? {
        try connection.execute(
            """
            SELECT made_from->>'as-of' AS as_of FROM nearline.release
            WHERE state = 'building' AND NOT is_history AND made_from->>'asked-as-of' = $1 AND created_at > now() - interval '20 hours'
            ORDER BY release DESC LIMIT 1
            """, [.text(asked)], doing: "looking for an unfinished release"
        ).first?.optionalString("as_of")
    }

    /// How much of an unfinished release is there.
    package func shards(of release: Int) throws -> (shards: Int, done: Int) {
        let row = try connection.execute(
            """
            SELECT count(*) AS shards, count(*) FILTER (WHERE state = 'done') AS done
            FROM nearline.release_shard WHERE release = $1::int
            """, [.int(Int64(release))], doing: "looking at the shards of release \(release)")[0]
        return (try row.int("shards"), try row.int("done"))
    }

    /// What a release is made from, by name.
    package func madeFrom(_ release: Int) throws -> [String: String] {
        let parts = try connection.execute(
            """
            SELECT p.key, coalesce(p.value, '') AS value
            FROM nearline.release r, jsonb_each_text(r.made_from) p WHERE r.release = $1::int
            """, [.int(Int64(release))], doing: "reading what release \(release) is made from")
        return Dictionary(
            try parts.map { (try $0.string("key"), try $0.string("value")) }, uniquingKeysWith: { first, _ in first })
    }
}
