import Checksum
import Domain
import Postgres

extension PreparedStatement {
    private static let typeIDs: [IDType: UInt32] = [.int: 23, .bigint: 20, .uuid: 2950, .text: 25]

    /// One user's list: the release that is current, the overlay's instant and payload, the release's own payload.
    ///
    /// It names the tables of one release, so that nothing is left to decide when it runs, and reads the pointer in the
    /// same snapshot: where that names another release, the answer is thrown away. Measured against a plain table,
    /// joins of the three cost 1.3 to 1.4, this 1.24; as the first relation the pointer is a scan of one page, cheaper
    /// than its index. The instant travels in front of the payload since an expression over a row that is not there
    /// costs nothing.
    static func lists(of release: Int, userType: IDType) -> PreparedStatement {
        let updated = "SELECT timestamptz_send(as_of) || payload FROM nearline.overlay_r\(release) WHERE user_id = $1"
        let own = "SELECT payload FROM nearline.candidate_r\(release) WHERE user_id = $1"
        return PreparedStatement(
            "SELECT release, (\(updated)), (\(own)) FROM nearline.current_release",
            release: release, parameterTypes: [typeIDs[userType]!])
    }

    /// What comes next after one key, which nearly always is there: asked for alone, since every table that a statement names
    /// costs, whether it is read or not.
    ///
    /// Transitions are made anew within a release, and clusters with them: the build says whether their names still hold.
    static func transition(of release: Int) -> PreparedStatement {
        PreparedStatement(
            "SELECT release, \(next(release, "$1")), transition_build FROM nearline.current_release",
            release: release, parameterTypes: [20])
    }

    /// What comes next after three clusters, after the last two, after the latest alone, and after anything; in a release
    /// that need not be current.
    static func transitions(of release: Int) -> PreparedStatement {
        let build = "(SELECT transition_build FROM nearline.release WHERE release = \(release))"
        let columns = ["$1", "$2", "$3", "0"].map { next(release, $0) } + [build]
        return PreparedStatement(
            "SELECT release, \(columns.joined(separator: ", ")) FROM nearline.current_release",
            release: release, parameterTypes: [20, 20, 20])
    }

    private static func next(_ release: Int, _ key: String) -> String {
        "(SELECT payload FROM nearline.transition_r\(release) WHERE key = \(key))"
    }

    /// The release that is current.
    static let pointer = PreparedStatement(
        "SELECT release FROM nearline.current_release", release: 0, parameterTypes: [])

    /// The name holds a checksum of the SQL, so that another version of this client never finds its name taken.
    private init(_ sql: String, release: Int, parameterTypes: [UInt32]) {
        self.init(
            name: "nearline_\(release)_\(Checksum.name(sql).prefix(12))", sql: sql, parameterTypes: parameterTypes)
    }
}
