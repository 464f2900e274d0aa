import Checksum

/// One numbered step of the schema, as the file in `sql/` says it; its hash is recorded when it is applied.
package struct Migration: Sendable {
    package let number: Int
    package let name: String
    package let sql: String
    /// What else has stood on the main branch under this number; a later step makes both the same.
    private let formerHashes: Set<String>

    package var hash: String { Checksum.name(sql) }

    /// Whether a database that noted this hash has had this step.
    package func isNoted(as hash: String) -> Bool { hash == self.hash || formerHashes.contains(hash) }

    /// All steps that this binary knows, in order; the files are compiled in (the package manager makes their names from
    /// the file names, with an underscore for a digit in front).
    package static let all: [Migration] = [
        Migration("0001_releases", PackageResources._001_releases_sql),
        Migration("0002_unpack", PackageResources._002_unpack_sql),
        Migration("0003_result_tables", PackageResources._003_result_tables_sql),
        Migration("0004_payloads", PackageResources._004_payloads_sql),
        Migration("0005_release_states", PackageResources._005_release_states_sql),
        Migration(
            "0006_transition_builds", PackageResources._006_transition_builds_sql,
            formerHashes: ["7ffa5bbd75e94eb058678d1f06595e07"]),
        Migration("0007_codebook_origin", PackageResources._007_codebook_origin_sql),
        Migration("0008_interests", PackageResources._008_interests_sql),
        Migration("0009_leases", PackageResources._009_leases_sql),
        Migration("0010_operations", PackageResources._010_operations_sql),
        Migration("0011_dates", PackageResources._011_dates_sql),
        Migration("0012_refresh", PackageResources._012_refresh_sql),
        Migration("0013_refresh_order", PackageResources._013_refresh_order_sql),
        Migration("0014_model_files", PackageResources._014_model_files_sql),
    ]

    private init(_ file: String, _ bytes: [UInt8], formerHashes: Set<String> = []) {
        self.formerHashes = formerHashes
        number = Int(file.prefix(4))!
        name = String(file.dropFirst(5))
        sql = String(decoding: bytes, as: UTF8.self)
    }
}
