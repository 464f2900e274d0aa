import Postgres

/// The transitions that are served, and must be the same still when something is stored that belongs to them.
struct ServedBuild {
    let release: Int
    let build: Int

    /// Keeps pointer and release as they are until the transaction ends: whoever moves the pointer waits for us, or we for
    /// them.
    ///
    /// Throws ``ReleaseError/supersededMeanwhile(release:by:)`` or ``ReleaseError/rebuiltMeanwhile(release:build:)``.
    func hold(on connection: Connection) throws {
        let current = try connection.execute(
            "SELECT release FROM nearline.current_release FOR NO KEY UPDATE", doing: "holding the pointer"
        ).first?.int("release")
        guard current == release else { throw ReleaseError.supersededMeanwhile(release: release, by: current ?? 0) }
        let stored = try connection.execute(
            "SELECT transition_build FROM nearline.release WHERE release = $1::int FOR NO KEY UPDATE",
            [.int(Int64(release))], doing: "holding release \(release)"
        ).first?.optionalInt("transition_build")
        guard stored == build else { throw ReleaseError.rebuiltMeanwhile(release: release, build: stored ?? 0) }
    }
}
