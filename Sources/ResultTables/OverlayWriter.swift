import Domain
import Postgres
import ResultCodec

/// Writes lists that are newer than the current release into its overlay, which lookups read first.
///
/// The overlay belongs to its release: the next one begins with an empty one, and a rollback finds the one that it left.
package final class OverlayWriter {
    /// What became of the lists.
    package struct Outcome: Equatable, Sendable {
        /// Users that the overlay holds now.
        package var users: Int
        /// Newcomers, by their keys as text, for whom there was no room.
        package var turnedAway: [String]
    }

    private let release: ReleaseRow
    private let userType: IDType
    private let limit: Int
    private let connection: Connection
    private var encoder: PayloadEncoder

    /// - Parameters:
    ///   - release: the current one; its model's rows are what lists speak of.
    ///   - limit: users that the overlay may hold; more are for the next release to make.
    package init(_ release: ReleaseRow, userType: IDType, limit: Int, on connection: Connection) throws {
        encoder = try ListDecoder(release: release.release, on: connection).encoder
        self.release = release
        self.userType = userType
        self.limit = limit
        self.connection = connection
    }

    /// Stores lists, in place of older ones of the same users, in one transaction; all of them or, where something is in
    /// the way, none.
    ///
    /// A list that is there already and has seen later events stays: of two refreshes at once the fresher wins. Users who
    /// are to be forgotten are left out. Where the overlay is full, those who have a list in it still get their newer one;
    /// newcomers find room in the order of `lists`.
    ///
    /// - Parameters:
    ///   - withdrawn: users whose lists in the overlay go, so that the release's own are served again.
    ///   - asOf: the instant up to which the events behind these lists were read.
    ///   - also: done in the same transaction, behind the lists.
    @discardableResult
    package func write(
        _ lists: some Collection<(user: ExternalID, list: [Candidate])>, withdrawing withdrawn: [ExternalID] = [],
        asOf: String, also: (Outcome) throws -> Void = { _ in }
    ) throws -> Outcome {
        let leaf = Leaf.overlay.name(release.release), doing = "writing \(lists.count) lists into \(leaf)"
        return try connection.transaction(doing: doing) {
            try holdCurrent()
            // Readers do not conflict with this lock; other writers do, so that the count holds.
            try connection.execute("LOCK TABLE \(leaf) IN SHARE ROW EXCLUSIVE MODE", doing: "waiting for \(leaf)")
            // Of the session, because a table a second would fill the catalogue.
            try connection.execute(
                """
                CREATE TEMPORARY TABLE IF NOT EXISTS newer_list (LIKE nearline.overlay INCLUDING STORAGE)
                ON COMMIT DELETE ROWS
                """, doing: doing)
            try copy(lists, doing: doing)
            let outcome = try store(in: leaf, asOf: asOf, doing: doing) {
                try withdraw(withdrawn, from: leaf, asOf: asOf)
            }
            try also(outcome)
            return outcome
        }
    }

    /// Keeps the pointer where it is until the lists are stored: a publication meanwhile would leave them behind. Whoever
    /// forgets a user waits here too, or has done it by now.
    private func holdCurrent() throws {
        let current = try connection.execute(
            "SELECT release FROM nearline.current_release FOR SHARE", doing: "holding the current release"
        ).first?.int("release")
        guard let current else { throw ReleaseError.noRelease }
        guard current == release.release else {
            throw ReleaseError.supersededMeanwhile(release: release.release, by: current)
        }
    }

    private func copy(
        _ lists: some Collection<(user: ExternalID, list: [Candidate])>, doing: String
    ) throws {
        var key: [UInt8] = [], payload: [UInt8] = []
        _ = try connection.copyIn(
            "pg_temp.newer_list", columns: ["user_id", "release", "payload", "as_of"], doing: doing
        ) { out in
            for (user, list) in lists {
                if let stray = list.first(where: { $0.row >= UInt32(release.items) }) {
                    throw ReleaseError.rowOutsideDictionary(
                        release: release.release, row: stray.row, items: release.items)
                }
                key.removeAll(keepingCapacity: true)
                user.appendBinary(to: &key, type: userType)
                try encoder.encode(list, into: &payload)
                try out.beginRow(fields: 4)
                out.bytes(key)
                out.int32(Int32(release.release))
                out.bytes(payload)
                out.int64(0)
            }
        }
    }

    /// - Parameter makingRoom: done before it is counted how much room there is.
    private func store(
        in leaf: String, asOf: String, doing: String, makingRoom: () throws -> Void
    ) throws -> Outcome {
        try connection.execute(
            """
            DELETE FROM pg_temp.newer_list n USING nearline.forgotten f WHERE f.user_id = n.user_id::text
            """, doing: "leaving out who is forgotten")
        try makingRoom()
        let before = try count(leaf)
        let turnedAway = try connection.execute(
            """
            DELETE FROM pg_temp.newer_list WHERE user_id IN (
                SELECT n.user_id FROM pg_temp.newer_list n
                WHERE NOT EXISTS (SELECT FROM \(leaf) o WHERE o.user_id = n.user_id)
                GROUP BY n.user_id ORDER BY min(n.ctid) OFFSET $1::bigint)
            RETURNING user_id::text AS user_id
            """, [.int(Int64(max(0, limit - before)))], doing: "looking for room in \(leaf)"
        ).map { try $0.string("user_id") }
        try connection.execute(
            """
            INSERT INTO \(leaf) AS o (user_id, release, payload, as_of)
            SELECT DISTINCT ON (user_id) user_id, release, payload, $1::timestamptz FROM pg_temp.newer_list
            ON CONFLICT (user_id) DO UPDATE SET payload = EXCLUDED.payload, as_of = EXCLUDED.as_of
            WHERE o.as_of <= EXCLUDED.as_of
            """, [.text(asOf)], doing: doing)
        return Outcome(users: try count(leaf), turnedAway: turnedAway)
    }

    private func withdraw(_ users: [ExternalID], from leaf: String, asOf: String) throws {
        guard !users.isEmpty else { return }
        try connection.execute(
            "DELETE FROM \(leaf) WHERE user_id = ANY ($1::\(userType.rawValue)[]) AND as_of <= $2::timestamptz",
            [.text(Quote.array(users.map { "\($0)" })), .text(asOf)], doing: "withdrawing lists from \(leaf)")
    }

    private func count(_ leaf: String) throws -> Int {
        try connection.execute("SELECT count(*) AS n FROM \(leaf)", doing: "counting \(leaf)")[0].int("n")
    }
}
