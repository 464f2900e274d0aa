import Domain
import Interests
import Testing

@Suite struct InterestMatcherTests {
    private let matcher = InterestMatcher(SmallShop.clusters)
    /// The list: 1 Sleeping bags, 2 Camping stoves, 3 Bags, 4 Café & Tea; its own: Lamps, Tents.
    private let key = SmallShop.key(60, 10, successors: [30])

    private func match(_ output: String) throws -> InterestMatch {
        matcher.match(output, to: try #require(SmallShop.prompter.prompt(for: key)), key: key)
    }

    @Test(arguments: [
        ("Sleeping bags", 20), ("  sleeping-BAGS.\n", 20), ("**Sleeping  Bags**", 20), ("1", 20), ("1.", 20),
        (" 2) ", 30),
        ("3. Bags", 40), ("1. Sleeping bags (Down bag)", 20), ("1. Sleeping b", 20), ("4: café, tea", 50),
        ("Café & Tea", 50), ("Answer: Camping stoves", 30), ("\n\n2. Camping stoves\n3. Bags", 30),
        ("After tents, this user will turn to camping stoves.", 30), (#"{"group": "Bags"}"#, 40),
        ("<think>Tents? No, lamps.</think>\nBags", 40),
        // Small models begin a list of their own with 1.
        ("1. Camping stoves.\nWhich group", 30),
    ])
    func anAnswerIsRead(_ output: String, as cluster: Int) throws {
        #expect(try match(output) == .cluster(cluster))
    }

    @Test(arguments: [
        ("", InterestMatch.Reason.empty), (" \n.\t", .empty), ("Kayaks", .unknownName), ("5", .unknownName),
        ("0", .unknownName), ("-1. Kayaks", .unknownName), ("3. Kayaks", .unknownName),
        ("99999999999999999999", .unknownName),
        ("Tents", .partOfKey), ("lamps!", .partOfKey), ("Tents or lamps", .partOfKey), ("7. Tents", .partOfKey),
        ("Bags or camping stoves", .ambiguous), (#"{"group": "Kayaks"}"#, .unknownName),
    ])
    func anAnswerIsRefused(_ output: String, because reason: InterestMatch.Reason) throws {
        #expect(try match(output) == .invalid(reason))
    }

    @Test func aNameInsideALongerNameIsNotMeant() throws {
        #expect(try match("They want sleeping bags") == .cluster(20))
    }

    @Test func aNameInALongTextIsNotTrusted() throws {
        let prose = Array(repeating: "word", count: 30).joined(separator: " ")
        #expect(try match(prose + " bags") == .invalid(.unknownName))
    }

    @Test func anAnswerOutsideTheShortListIsAsGoodAsOneOnIt() throws {
        let short = InterestPrompter(SmallShop.clusters, popular: [], longestList: 1)
        let prompt = try #require(short.prompt(for: key))
        #expect(prompt.candidates == [30])
        #expect(matcher.match("Bags", to: prompt, key: key) == .cluster(40))
    }

    @Test func twoClustersOfOneNameAreToldApartByNumberOnly() throws {
        let clusters = [(1, "Tents"), (2, "tents!"), (3, "Lamps")].map {
            ClusterDescription(id: $0.0, name: $0.1, titles: [])
        }
        let key = SmallShop.key(nil, 3), matcher = InterestMatcher(clusters)
        let prompt = try #require(InterestPrompter(clusters, popular: []).prompt(for: key))
        #expect(matcher.match("Tents", to: prompt, key: key) == .invalid(.ambiguous))
        #expect(matcher.match("2. Tents", to: prompt, key: key) == .cluster(2))
    }

    @Test func noAnswerIsEverAClusterOfTheKey() throws {
        var generator = SeededGenerator(seed: 7)
        let parts =
            SmallShop.clusters.map(\.name) + ["1", "2", "3", "4", "5", ".", "\n", "{", "\"", "and", "🧭", "e\u{301}"]
        for _ in 0..<2000 {
            let key = SmallShop.pairs.randomElement(using: &generator)!
            let output = (0..<Int.random(in: 0..<6, using: &generator))
                .map { _ in parts.randomElement(using: &generator)! }.joined(separator: " ")
            let prompt = try #require(SmallShop.prompter.prompt(for: key))
            guard let found = matcher.match(output, to: prompt, key: key).cluster else { continue }
            #expect(!key.contains(found) && SmallShop.clusters.contains { $0.id == found }, "\(output)")
        }
    }
}
