/// The ways in which services read lists.
enum ReaderKind: String, CaseIterable, Sendable {
    case lookup = "nearline.lookup"
    case candidateLookup = "CandidateLookup"
    case prepared = "prepared payload"
    case transaction = "prepared, in transactions"
    case client = "NearlineClient"
    case snapshot = "snapshot file"
}
