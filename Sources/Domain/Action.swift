/// What a user did with an item, as a ladder of strength: each step implies the ones below it.
package enum Action: UInt8, Sendable, CaseIterable, Comparable {
    case impression = 0
    case click = 1
    case cart = 2
    case purchase = 3

    package static func < (a: Action, b: Action) -> Bool { a.rawValue < b.rawValue }

    /// The step that a label of the source stands on; nil where the label is not known.
    package init?(label: some StringProtocol) {
        guard let action = Action.labels[label.lowercased()] else { return nil }
        self = action
    }

    /// Every label that is understood, with its step.
    package static let labels: [String: Action] = [
        "impression": .impression, "exposure": .impression, "show": .impression,
        "click": .click, "view": .click, "pv": .click, "detail": .click, "rating": .click, "like": .click,
        "play": .click, "watch": .click,
        "cart": .cart, "add_to_cart": .cart, "addtocart": .cart, "favorite": .cart, "favourite": .cart, "fav": .cart,
        "wishlist": .cart, "save": .cart,
        "purchase": .purchase, "buy": .purchase, "order": .purchase, "transaction": .purchase, "pay": .purchase,
    ]

    package var label: String { "\(self)" }
}
