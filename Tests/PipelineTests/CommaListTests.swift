import Domain
import Pipeline
import Testing

@Suite struct CommaListTests {
    private func names(_ text: String, _ known: [String]) -> [String]? {
        CommaList(text).names(Set(known.map { .text($0) }))
    }

    @Test func commasWithinNamesAreTold() {
        #expect(names("Mugs, blue,Bags", ["Mugs, blue", "Bags"]) == ["Mugs, blue", "Bags"])
        #expect(names("Bags, Mugs, blue", ["Mugs, blue", "Bags"]) == ["Bags", "Mugs, blue"])
    }

    @Test func theLongestNameThatLeavesNamesBehindItWins() {
        #expect(names("a,b,c", ["a", "b,c", "a,b"]) == ["a", "b,c"])
        #expect(names("a,b,c", ["a", "b", "c", "a,b"]) == ["a,b", "c"])
    }

    @Test func aPieceThatBelongsToNoNameMakesNoList() { #expect(names("a,b", ["a"]) == nil) }

    @Test func anotherSpellingIsAnotherName() { #expect(names("Cafe\u{301}", ["Caf\u{e9}"]) == nil) }

    @Test func allThatCouldBeANameIsListed() {
        #expect(CommaList("a, b").possible == ["a", "a, b", " b", "b"])
        #expect(CommaList("a, b").single == ["a", "b"])
    }
}
