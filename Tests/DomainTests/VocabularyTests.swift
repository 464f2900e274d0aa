import Domain
import Testing

@Suite struct VocabularyTests {
    private let vocabulary = Vocabulary(
        itemType: .text, items: [.text("tea"), .text("cup"), .text("tea")], category: [1, 0, 0], seller: [0, 1, 0],
        categories: ["", "drinks"], sellers: ["", "s"], scenes: ["", "home", "mail"])

    @Test func itemsAreFoundByTheirFirstRow() {
        #expect(vocabulary.count == 3)
        #expect(vocabulary.row(of: .text("tea")) == 0 && vocabulary.row(of: .text("cup")) == 1)
        #expect(vocabulary.row(of: .text("Tea")) == nil && vocabulary.row(of: .integer(0)) == nil)
    }

    @Test func aSceneThatIsNotKnownCountsAsNoneGiven() {
        #expect(vocabulary.scene("mail") == 2)
        #expect(vocabulary.scene("new") == 0 && vocabulary.scene(nil) == 0 && vocabulary.scene("") == 0)
    }
}
