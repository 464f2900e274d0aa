import Domain

/// The list of a release for users who have none, as a check reads it.
enum StoredFallback {
    case missing
    case damaged(fault: String)
    case list([Candidate])

    var candidates: [Candidate] {
        if case .list(let list) = self { list } else { [] }
    }
}
