import ResultTables
import Testing

@Suite struct ResumeDecisionTests {
    private let parts = ["model": "m1", "as-of": "2025-01-01", "settings": "s"]

    private func left(
        _ release: Int, hash: String = "h", _ parts: [String: String]? = nil, planned: Bool = true,
        unlogged: Bool = false
    ) -> UnfinishedRelease {
        UnfinishedRelease(
            release: release, settingsHash: hash, madeFrom: parts ?? self.parts, isPlanned: planned,
            isUnlogged: unlogged)
    }

    private func decide(
        _ unfinished: [UnfinishedRelease], unlogged: Bool = false, beginsAnew: Bool = false
    ) -> ResumeDecision {
        ResumeDecision(
            unfinished, settingsHash: "h", madeFrom: parts, unlogged: unlogged, beginsAnew: beginsAnew)
    }

    @Test func nothingLeftBeginsARelease() { #expect(decide([]) == decide([], beginsAnew: true)) }

    @Test func theSameIsGoneOnWith() {
        #expect(decide([left(7)]).goesOnWith == 7)
        #expect(decide([left(7)]).discards.isEmpty)
    }

    @Test func ofTwoTheLaterOneIsGoneOnWith() {
        let decision = decide([left(7), left(9)])
        #expect(decision.goesOnWith == 9)
        #expect(decision.discards == [7: "a later run had begun the same anew"])
    }

    @Test func whatAnotherVersionBeganIsNotGoneOnWithThoughItWasMadeFromTheSame() {
        let decision = decide([left(7, parts.merging([ResumeDecision.program: "0.0.9"]) { $1 })])
        #expect(decision.goesOnWith == nil)
        #expect(decision.discards == [7: "made from another nearline (0.0.9, now none)"])
    }

    @Test func whatDiffersIsNamedWithBothValues() {
        let decision = decide([left(7, hash: "other", ["model": "m0", "as-of": "2025-01-01", "settings": "s"])])
        #expect(decision.goesOnWith == nil)
        #expect(decision.discards == [7: "made from another model (m0, now m1)"])
    }

    @Test func aReleaseThatWasNotPlannedOrIsLoggedOtherwiseIsOfNoUse() {
        #expect(decide([left(7, planned: false)]).discards == [7: "its run ended before its users were divided"])
        #expect(decide([left(7, unlogged: true)]).discards == [7: "it is unlogged"])
        #expect(decide([left(7)], unlogged: true).discards == [7: "it is logged"])
    }

    @Test func askedForAnewNothingIsGoneOnWith() {
        #expect(decide([left(7)], beginsAnew: true).discards == [7: "asked for from scratch"])
        #expect(decide([left(7)], beginsAnew: true).goesOnWith == nil)
    }
}
