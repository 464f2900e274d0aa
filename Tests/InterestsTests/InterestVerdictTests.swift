import Interests
import Testing

@Suite struct InterestVerdictTests {
    private let pairs = Array(SmallShop.pairs.prefix(10))

    private func outcomes(_ matches: [InterestMatch]) -> [InterestOutcome] {
        zip(pairs, matches).map { InterestOutcome(key: $0, match: $1, wasAsked: true) }
    }

    /// The hint, for each key.
    private var hinted: [InterestMatch] { pairs.map { .cluster($0.hint!) } }

    private func heldOut(_ key: InterestKey, _ next: Int, _ count: Int) -> HeldOutNext {
        HeldOutNext(key: key.key, next: next, count: count)
    }

    @Test func theFiguresAreCountedByHand() {
        var matches = hinted
        matches[0] = .invalid(.empty)
        matches[1] = .cluster(pairs[1].successors[1])
        var without = hinted
        without[2] = .invalid(.ambiguous)
        let verdict = InterestVerdict(
            outcomes(matches), withoutHint: Array(outcomes(without).prefix(4)),
            heldOut: [
                heldOut(pairs[0], pairs[0].hint!, 5), heldOut(pairs[1], pairs[1].successors[1], 2),
                heldOut(pairs[3], pairs[3].hint!, 1), heldOut(pairs[3], pairs[3].successors[2], 12),
                heldOut(SmallShop.pairs[20], 10, 1000),
            ])
        #expect(verdict.answers == 10 && verdict.invalid == [.empty: 1] && verdict.validShare == 0.9)
        #expect(verdict.heldOut == 20 && verdict.answerHits == 3 && verdict.hintHits == 6)
        #expect(verdict.hitRate == 0.15 && verdict.hintHitRate == 0.3)
        #expect(verdict.hinted == 9 && verdict.asHinted == 8)
        // Of the four keys asked both ways only the last has the same valid answer.
        #expect(verdict.compared == 4 && verdict.agreementWithoutHint == 0.25)
        #expect(verdict.failures == [.belowHint(rate: 0.15, hint: 0.3)])
    }

    @Test func aModelThatHitsLessThanItsHintsIsTakenOnlyWhereThatIsAllowed() {
        func passes(hits: Int, mayBeBelowHint: Bool) -> Bool {
            var matches = hinted
            matches[3] = .cluster(pairs[3].successors[1])
            return InterestVerdict(
                outcomes(matches),
                heldOut: [
                    heldOut(pairs[3], pairs[3].successors[1], hits), heldOut(pairs[3], pairs[3].hint!, 10),
                ], gates: InterestGates(validShare: 0.9, hitRate: 0.015, mayBeBelowHint: mayBeBelowHint)
            ).passes
        }
        #expect(!passes(hits: 9, mayBeBelowHint: false) && passes(hits: 9, mayBeBelowHint: true))
        #expect(passes(hits: 10, mayBeBelowHint: false))
    }

    @Test func oneInvalidAnswerTooManyFails() {
        var matches = hinted
        matches[0] = .invalid(.partOfKey)
        matches[9] = .invalid(.unknownName)
        let verdict = InterestVerdict(outcomes(matches), heldOut: [heldOut(pairs[3], pairs[3].hint!, 1)])
        #expect(verdict.failures == [.fewValid(share: 0.8, required: 0.9)] && !verdict.passes)
        #expect(verdict.failures.first?.description.contains("80.0%") == true)
    }

    @Test func theHitRateHasToReachItsFloor() {
        func failures(hits: Int) -> [InterestVerdict.Failure] {
            InterestVerdict(
                outcomes(hinted),
                heldOut: [
                    heldOut(pairs[3], pairs[3].hint!, hits), heldOut(pairs[3], pairs[3].successors[2], 1000 - hits),
                ]
            ).failures
        }
        #expect(failures(hits: 15).isEmpty)
        #expect(failures(hits: 14) == [.fewHits(rate: 0.014, required: 0.015)])
    }

    @Test func nothingAnsweredOrNothingHeldOutFails() {
        #expect(InterestVerdict([], heldOut: []).failures == [.noAnswers])
        #expect(
            InterestVerdict(outcomes(hinted), heldOut: [heldOut(SmallShop.pairs[20], 10, 5)]).failures == [.noHeldOut])
    }
}
