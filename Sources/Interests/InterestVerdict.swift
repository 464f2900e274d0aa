/// What has to hold before a model's answers are published beside the counts.
package struct InterestGates: Sendable, Equatable {
    /// Source of both: arXiv:2510.20260 (outputs that match a real cluster; recall on the test set).
    package var validShare = 0.90
    package var hitRate = 0.015
    /// Whether the answers may hit less than the most frequent successors, which are there without a model, do alone.
    package var mayBeBelowHint = false

    package init() {}

    package init(validShare: Double, hitRate: Double, mayBeBelowHint: Bool = false) {
        self.validShare = validShare
        self.hitRate = hitRate
        self.mayBeBelowHint = mayBeBelowHint
    }
}

/// A held-out transition: which cluster followed a key, and how often.
package struct HeldOutNext: Sendable, Equatable {
    package let key: Int64
    package let next: Int
    package let count: Int

    package init(key: Int64, next: Int, count: Int) {
        self.key = key
        self.next = next
        self.count = count
    }
}

/// How good a model's answers are, and whether they may be published; if not, the counts stay.
package struct InterestVerdict: Sendable, Equatable {
    package enum Failure: Sendable, Equatable {
        case noAnswers
        case fewValid(share: Double, required: Double)
        /// No held-out transition has a key that was answered.
        case noHeldOut
        case fewHits(rate: Double, required: Double)
        case belowHint(rate: Double, hint: Double)
    }

    package private(set) var answers = 0
    package private(set) var invalid: [InterestMatch.Reason: Int] = [:]
    /// Held-out transitions of answered keys, and how many of them the answers and the hints named. A key whose answer
    /// is invalid counts, as a miss.
    package private(set) var heldOut = 0
    package private(set) var answerHits = 0
    package private(set) var hintHits = 0
    /// Keys with a hint and a valid answer, and those where the two are one.
    package private(set) var hinted = 0
    package private(set) var asHinted = 0
    /// Keys that were asked both ways, and those with the same valid answer.
    package private(set) var compared = 0
    package private(set) var sameWithoutHint = 0
    private let gates: InterestGates

    /// - Parameter withoutHint: the same keys, or some of them, asked without the retrieved successor.
    package init(
        _ outcomes: [InterestOutcome], withoutHint: [InterestOutcome] = [], heldOut: [HeldOutNext],
        gates: InterestGates = InterestGates()
    ) {
        self.gates = gates
        let byKey = Dictionary(outcomes.map { ($0.key.key, $0) }, uniquingKeysWith: { first, _ in first })
        for outcome in byKey.values { count(outcome) }
        for transition in heldOut {
            if let outcome = byKey[transition.key] { count(transition, outcome) }
        }
        for other in withoutHint {
            guard let outcome = byKey[other.key.key] else { continue }
            compared += 1
            if let cluster = outcome.match.cluster, cluster == other.match.cluster { sameWithoutHint += 1 }
        }
    }

    private mutating func count(_ outcome: InterestOutcome) {
        answers += 1
        if case .invalid(let reason) = outcome.match { invalid[reason, default: 0] += 1 }
        guard let hint = outcome.key.hint, let cluster = outcome.match.cluster else { return }
        hinted += 1
        if hint == cluster { asHinted += 1 }
    }

    private mutating func count(_ transition: HeldOutNext, _ outcome: InterestOutcome) {
        heldOut += transition.count
        if outcome.match.cluster == transition.next { answerHits += transition.count }
        if outcome.key.hint == transition.next { hintHits += transition.count }
    }

    package var validShare: Double { share(answers - invalid.values.reduce(0, +), of: answers) }
    package var hitRate: Double { share(answerHits, of: heldOut) }
    /// What the most frequent successor alone would have hit.
    package var hintHitRate: Double { share(hintHits, of: heldOut) }
    package var agreementWithHint: Double { share(asHinted, of: hinted) }
    package var agreementWithoutHint: Double { share(sameWithoutHint, of: compared) }

    package var passes: Bool { failures.isEmpty }

    package var failures: [Failure] {
        guard answers > 0 else { return [.noAnswers] }
        var found: [Failure] = []
        if validShare < gates.validShare { found.append(.fewValid(share: validShare, required: gates.validShare)) }
        if heldOut == 0 {
            found.append(.noHeldOut)
        } else if hitRate < gates.hitRate {
            found.append(.fewHits(rate: hitRate, required: gates.hitRate))
        }
        if heldOut > 0, answerHits < hintHits, !gates.mayBeBelowHint {
            found.append(.belowHint(rate: hitRate, hint: hintHitRate))
        }
        return found
    }

    private func share(_ part: Int, of whole: Int) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
}

extension InterestVerdict.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noAnswers: "no key has an answer, the counts stay; see why the chat server gave none"
        case .fewValid(let share, let required):
            "\(percent(share)) of the answers name a new cluster, \(percent(required)) are needed, the counts stay; "
                + "look at the answers in nearline.interest_answer, and try a larger model or answers held to the names"
        case .noHeldOut:
            "no held-out transition has a key that was answered, the counts stay; hold out more, or ask more keys"
        case .fewHits(let rate, let required):
            "the answers hit \(percent(rate)) of the held-out transitions, \(percent(required)) are needed, "
                + "the counts stay; look at descriptions and prompt, or try a larger model"
        case .belowHint(let rate, let hint):
            "the answers hit \(percent(rate)) of the held-out transitions, the most frequent successors alone \(percent(hint)), "
                + "the counts stay; try a larger model, or take it for what it adds beside them: --accept-below-hint"
        }
    }
}

private func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10)%" }
