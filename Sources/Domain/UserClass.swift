/// How much is known of a user, by the sessions before the cut.
package enum UserClass: String, CaseIterable, Sendable {
    case new
    case light
    case heavy

    private static let heavyFrom = 5

    /// - Parameter sessions: with an engaged item, before the cut.
    package init(sessions: Int) {
        self = sessions >= Self.heavyFrom ? .heavy : sessions > 1 ? .light : .new
    }

    /// In words, for tables.
    package var label: String {
        switch self {
        case .new: "new (1 session)"
        case .light: "light (2 to \(Self.heavyFrom - 1))"
        case .heavy: "heavy (\(Self.heavyFrom) or more)"
        }
    }
}
