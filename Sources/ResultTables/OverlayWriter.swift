import Domain
import Postgres
import ResultCodec

/// Writes lists that are newer than the current release into its overlay, which lookups read first.
///
/// The overlay belongs to its release: the next one begins with an empty one, and a rollback finds the one that it left.
package final class OverlayWriter {
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
    /// A list that is there already and has seen later events stays: of two refreshes at once the fresher wins.
    ///
    /// - Parameter asOf: the instant up to which the events behind these lists were read.
    /// - Returns: users that the overlay holds now.
    package func write(_ lists: some Collection<(user: ExternalID, list: [Candidate])>, asOf: String) throws -> Int {
        let leaf = Leaf.overlay.name(release.release), doing = "writing \(lists.count) lists into \(leaf)"
        return try connection.transaction(doing: doing) {
            try holdCurrent()
            // Readers do not conflict with this lock; other writers do, so that the count holds.
            try connection.execute("LOCK TABLE \(leaf) IN SHARE ROW EXCLUSIVE MODE", doing: "waiting for \(leaf)")
            try connection.execute(
                "CREATE TEMPORARY TABLE newer_list (LIKE \(leaf) INCLUDING STORAGE) ON COMMIT DROP", doing: doing)
            try copy(lists, doing: doing)
            try connection.execute(
                "UPDATE newer_list SET as_of = $1::timestamptz", [.text(asOf)], doing: doing)
            try connection.execute(
                """
                INSERT INTO \(leaf) AS o SELECT DISTINCT ON (user_id) * FROM newer_list
                ON CONFLICT (user_id) DO UPDATE SET payload = EXCLUDED.payload, as_of = EXCLUDED.as_of
                WHERE o.as_of <= EXCLUDED.as_of
                """, doing: doing)
            let users = try connection.execute("SELECT count(*) AS n FROM \(leaf)", doing: "counting \(leaf)")[0].int(
                "n")
            guard users <= limit else {
                throw ReleaseError.overlayFull(release: release.release, users: users, limit: limit)
            }
            return users
        }
    }

    /// Keeps the pointer where it is until the lists are stored: a publication meanwhile would leave them behind.
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
            "newer_list", columns: ["user_id", "release", "payload", "as_of"], doing: doing
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
}
