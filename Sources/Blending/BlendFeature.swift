import Domain

/// What a blend goes by, one number of each kind for every item that it may list.
///
/// All are logarithms of a weight over the highest weight of the same kind, so that a user of a hundred sessions and one of two
/// are measured alike; the model's is its cosine over the temperature that it was trained with, less the highest of the pool.
enum BlendFeature {
    /// Days in which a session of the user's loses half its weight: from the last hours to a season.
    static let ownHalfLives: [Double] = [0.3, 1, 7, 30, 120]
    /// ``ownHalfLives``; by ``lastDaysHalfLife`` the sessions that held it with a click at most, in a cart, and bought; how many
    /// of one's sessions held the item; whether any did.
    static let own = 0..<ownHalfLives.count + 5
    /// Where the weights by action begin.
    static let ownByAction = ownHalfLives.count
    /// What was had together with one's own items: in sessions, in sessions with the last days' items, by users.
    static let together = own.upperBound..<own.upperBound + 3
    /// ``ItemTables/windows``
    static let popular = together.upperBound..<together.upperBound + ItemTables.windows.count
    static let model = popular.upperBound
    /// `F`
    static let count = model + 1

    /// Half-lives of one's own items when what goes with them is looked for.
    static let togetherHalfLife = 60.0
    static let lastDaysHalfLife = 7.0
    /// Of the loss that the network is trained with (``NextSessionLoss``).
    static let temperature: Float = 0.05

    /// Less than this share of the highest weight counts as none.
    static let lowestShare: Float = 1e-3
    /// Its logarithm.
    static let lowest: Float = -6.907_755

    /// Whose features speak for an item, and who has brought it.
    static let groups: [(features: Range<Int>, source: CandidateSource, origin: CandidatePool.Origins)] = [
        (own, .repeat, .own), (model..<count, .model, .model), (together, .transition, .together),
        (popular, .popular, .popular),
    ]
}
