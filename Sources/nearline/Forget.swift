import ArgumentParser
import Pipeline

struct Forget: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Removes a user from every release, overlay, quarantine and snapshot file, and from future training.",
        discussion: """
            One transaction; again is a no-op. Releases stay consistent: their counts of users and exposure go down with the
            list. Events stay in the source, which is yours, and are not read any more (nearline.forgotten). Models hold
            nothing of single users. Backups, write-ahead logs and copies of snapshot files elsewhere are not reached.

            Refused (75) while lists are being made. With roles, nearline_admin may do this, and nobody else.

            Example: nearline forget 17850 --dry-run
            Example: nearline forget 17850 --snapshot /srv/snapshots
            Example: nearline forget 17850 --proof
            """)

    @Argument(help: "The user's key.")
    var user: String
    @Flag(help: "Only show where the user is, and a query that proves it.")
    var proof = false
    @Flag(help: "Only say what would be removed, reading in READ ONLY transactions.")
    var dryRun = false
    @OptionGroup var common: CommonOptions
    @OptionGroup var snapshots: SnapshotOptions

    func validate() throws {
        guard !user.isEmpty else { throw ValidationError("name a user") }
        guard !proof || !dryRun else { throw ValidationError("--proof or --dry-run, not both") }
    }

    func run() throws {
        try execute("forget", common, snapshots.settings) {
            try ForgetUser(user: user, showsProof: proof, dryRun: dryRun).run($0)
        }
    }
}
