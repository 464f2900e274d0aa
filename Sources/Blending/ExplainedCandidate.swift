import Domain

/// An item of a user's pool with all that speaks for it.
package struct ExplainedCandidate: Sendable {
    package let row: Int32
    /// Log odds against the other items, up to a constant of the user.
    package let score: Float
    /// Whether it may be listed, or an exclusion stands against it.
    package let isAllowed: Bool
    /// What each source adds to the score over an item of which that source knows nothing.
    package let parts: [CandidateSource: Float]
}
