/// The ways in which services read lists.
enum ReaderKind: String, CaseIterable, Sendable {
    case lookup = "nearline.lookup"
    case candidateLookup = "CandidateLookup"
    case prepared = "prepared payload"
    case transaction = "prepared, in transactions"
    case client = "NearlineClient"
    case snapshot = "snapshot file"

    /// Those that read at a time: each way through SQL by itself, beside a service that reads the file.
    static let turns: [[ReaderKind]] = allCases.filter { $0 != .snapshot }.map { [$0, .snapshot] }
}
