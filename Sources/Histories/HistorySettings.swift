/// How histories are cut from events.
package struct HistorySettings: Equatable, Sendable {
    package var gapMinutes = 30
    package var tokensPerUser = 512
    package var itemsPerSession = 64
    /// Items that stand for what the tokens leave no room for; 0: nothing does.
    package var lifelongItems = 0

    package init() {}

    func sessionizer(tokenBudget: Int? = nil) -> Sessionizer {
        Sessionizer(
            gapSeconds: Int64(gapMinutes) * 60, tokenBudget: tokenBudget ?? tokensPerUser,
            itemsPerSession: itemsPerSession, lifelongItems: lifelongItems)
    }
}
