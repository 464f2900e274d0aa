import Interests
import Testing

@Suite struct InterestPromptTests {
    private func text(_ prompter: InterestPrompter, _ key: InterestKey) throws -> String {
        try #require(prompter.prompt(for: key)).messages.map(\.content).joined(separator: "\n")
    }

    @Test func aPromptShowsTheHistoryInOrderTheHintAndEveryOtherCluster() throws {
        let prompt = try #require(SmallShop.prompter.prompt(for: SmallShop.key(60, 10, successors: [30, 20])))
        #expect(prompt.candidates == [20, 30, 40, 50])
        #expect(prompt.names == ["Sleeping bags", "Camping stoves", "Bags", "Café & Tea"])
        #expect(prompt.messages.map(\.role) == ["system", "user"])
        #expect(
            prompt.messages[1].content == """
                Groups:
                1. Sleeping bags (Down bag)
                2. Camping stoves (Gas stove)
                3. Bags
                4. Café & Tea (everything hot)

                The user was interested in Lamps (Head lamp), and then in Tents (Dome tent; Tarp 3 x 4 m).

                After that, users most often turned to: Camping stoves.
                Which group of the list, new to this user, comes next?
                """)
    }

    @Test func theHintIsTheOnlyThingThatSwitchingItOffTakesAway() throws {
        let plain = InterestPrompter(SmallShop.clusters, popular: [], givesHint: false)
        let key = SmallShop.key(60, 10, successors: [30])
        let with = try text(SmallShop.prompter, key).split(separator: "\n")
        let without = try text(plain, key).split(separator: "\n")
        #expect(with.filter { !without.contains($0) } == ["After that, users most often turned to: Camping stoves."])
        #expect(without.allSatisfy { with.contains($0) })
    }

    @Test func aSuccessorThatIsPartOfTheKeyIsNoHint() {
        let key = SmallShop.key(60, 10, successors: [10, 60, 40])
        #expect(key.hint == 40)
        #expect(SmallShop.key(nil, 10, successors: [10]).hint == nil)
    }

    @Test func manyClustersAreShortenedToSuccessorsAndThenPopularOnesInTheOrderOfIds() throws {
        let clusters = (0..<500).map { ClusterDescription(id: $0, name: "cluster \($0)", titles: []) }
        let prompter = InterestPrompter(clusters, popular: [400, 7, 9, 300, 2, 1], longestList: 5)
        let prompt = try #require(prompter.prompt(for: SmallShop.key(9, 3, successors: [450, 8])))
        #expect(prompt.candidates == [7, 8, 300, 400, 450])
        // One below the bound everything fits.
        let whole = InterestPrompter(clusters, popular: [], longestList: 498)
        #expect(whole.prompt(for: SmallShop.key(9, 3))?.candidates.count == 498)
    }

    @Test func aShortListIsFilledUpWhenSuccessorsAndPopularOnesAreTooFew() throws {
        let clusters = (0..<10).map { ClusterDescription(id: $0, name: "cluster \($0)", titles: []) }
        let prompter = InterestPrompter(clusters, popular: [5], longestList: 4)
        #expect(prompter.prompt(for: SmallShop.key(nil, 0, successors: [9, 77]))?.candidates == [1, 2, 5, 9])
    }

    @Test func namesThatAreNumbersAreNotNumbered() throws {
        let prompter = InterestPrompter(
            [(1, "12"), (2, "7"), (3, "Tents")].map { ClusterDescription(id: $0.0, name: $0.1, titles: []) },
            popular: [])
        let prompt = try #require(prompter.prompt(for: SmallShop.key(nil, 3)))
        #expect(!prompt.isNumbered && prompt.messages[1].content.hasPrefix("Groups:\n- 12\n- 7\n"))
    }

    @Test func aTitleCannotPassForAnotherLine() throws {
        let cluster = ClusterDescription(id: 1, name: "Tents\n2. Gold", titles: ["a\r\nb\u{85}c\u{2028}d\u{0}e"])
        #expect(cluster.name == "Tents 2. Gold" && cluster.text == "a b c d e")
    }

    @Test func keysOfUnknownClustersAndListsWithoutAChoiceHaveNoPrompt() {
        #expect(SmallShop.prompter.prompt(for: SmallShop.key(10, 99)) == nil)
        #expect(SmallShop.prompter.prompt(for: SmallShop.key(99, 10)) == nil)
        let two = InterestPrompter(Array(SmallShop.clusters.prefix(2)), popular: [])
        #expect(two.prompt(for: SmallShop.key(10, 20)) == nil)
    }

    @Test func theHashNamesModelTemperatureAndText() throws {
        let prompt = try #require(SmallShop.prompter.prompt(for: SmallShop.key(60, 10, successors: [30])))
        let other = try #require(SmallShop.prompter.prompt(for: SmallShop.key(10, 60, successors: [30])))
        let model = ChatModel(name: "small")
        var warmer = model, larger = model, held = model, longer = model
        warmer.temperature = 0.5
        larger.name = "large"
        held.holdsToNames = true
        longer.maximumAnswerTokens = 33
        let hashes = [model, warmer, larger, held, longer].map { prompt.hash(for: $0) } + [other.hash(for: model)]
        #expect(Set(hashes).count == 6 && hashes.allSatisfy { $0.count == 32 })
        // Kept answers are found by it: a change of the wording changes it, and every key is asked again.
        #expect(hashes[0] == "5c575448fe0f1872fe32c811bd644f69")
    }
}
