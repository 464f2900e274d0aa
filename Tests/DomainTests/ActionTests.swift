import Domain
import Testing

@Suite struct ActionTests {
    @Test func actionsAreALadder() {
        #expect(Action.allCases.sorted() == [.impression, .click, .cart, .purchase])
        #expect(Action.allCases.map(\.rawValue) == [0, 1, 2, 3])
    }

    @Test(arguments: [
        ("impression", Action.impression), ("Show", .impression), ("CLICK", .click), ("pv", .click), ("rating", .click),
        ("add_to_cart", .cart), ("Fav", .cart), ("buy", .purchase), ("Transaction", .purchase),
    ])
    func labelsAreKnownInAnyCase(_ label: String, _ action: Action) { #expect(Action(label: label) == action) }

    @Test(arguments: ["", "bought", " click", "clicks"])
    func otherLabelsAreNot(_ label: String) { #expect(Action(label: label) == nil) }

    @Test func everyActionIsKnownByItsOwnLabel() {
        for action in Action.allCases { #expect(Action(label: action.label) == action) }
    }

    @Test func theNumbersOfSourcesAreStoredAndNeverChange() {
        #expect(
            CandidateSource.allCases.map { "\($0.rawValue) \($0.label)" } == [
                "0 model", "1 repeat", "2 transition", "3 popular",
            ])
    }
}
