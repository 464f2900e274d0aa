/// What must hold before a release may become current. Raw values are stored, in `nearline.release_gate`.
package enum Gate: String, Sendable, CaseIterable {
    /// What was booked, what is stored and what the release states are the same numbers.
    case rows
    /// There are users, and about as many as the current release has.
    case users
    /// A user's list takes about as many bytes as in the current release.
    case size
    /// Every list can be read, and names only items of the dictionary.
    case damaged
    /// No list holds an item twice.
    case duplicates
    /// Few lists are empty, and the one for users without a list is not.
    case empty
    /// Few lists are shorter than wanted although there are items enough.
    case short
    /// Few lists hold nothing but what is popular.
    case fallback
    /// No list holds what its user, or anybody, may not get.
    case excluded
    /// The stored counts of lists by item are those of the lists.
    case exposure
    /// Lists have something, and not everything, in common with those of the current release.
    case overlap
    /// The model ranks held-out sessions about as well as that of the current release.
    case recall
    /// There are about as many transition keys as in the current release, and they lead to much the same clusters.
    case transitions
    /// The lookups that services call answer what is stored.
    case canary
}
