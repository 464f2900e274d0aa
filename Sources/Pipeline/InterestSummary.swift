import Interests
import Logging
import ResultTables

/// How good a language model's answers are, and, where both were asked, those with and without the retrieved successor.
struct InterestJudgement {
    let cut: String
    let givesHint: Bool
    let verdict: InterestVerdict
    let otherWay: InterestVerdict?

    struct Facts: Encodable {
        var keys: Int
        var heldOut: Int
        var validShare: Double
        var invalid: [String: Int]
        var hitRate: Double
        var hintHitRate: Double
        var agreementWithHint: Double
    }

    static func facts(_ verdict: InterestVerdict) -> Facts {
        Facts(
            keys: verdict.answers, heldOut: verdict.heldOut, validShare: verdict.validShare,
            invalid: Dictionary(verdict.invalid.map { ($0.rawValue, $1) }, uniquingKeysWith: +),
            hitRate: verdict.hitRate, hintHitRate: verdict.hintHitRate, agreementWithHint: verdict.agreementWithHint)
    }

    /// "with hint" or "without hint", for the answers and for those of the other way.
    func label(otherWay: Bool) -> String { givesHint != otherWay ? "with hint" : "without hint" }

    var metadata: Logger.Metadata {
        var facts: Logger.Metadata = [
            "cut": "\(cut)", "keys": "\(verdict.answers)", "held_out": "\(verdict.heldOut)",
            "valid": "\(percentText(verdict.validShare))", "hits": "\(percentText(verdict.hitRate))",
            "hits_of_hint": "\(percentText(verdict.hintHitRate))",
            "as_hint": "\(percentText(verdict.agreementWithHint))",
        ]
        for (reason, count) in verdict.invalid { facts["invalid: \(reason.rawValue)"] = "\(count)" }
        guard let otherWay else { return facts }
        facts["valid_other_way"] = "\(percentText(otherWay.validShare))"
        facts["hits_other_way"] = "\(percentText(otherWay.hitRate))"
        facts["same_both_ways"] = "\(percentText(verdict.agreementWithoutHint))"
        return facts
    }

    var text: String {
        var rows = [row(verdict, otherWay: false)]
        if let otherWay { rows.append(row(otherWay, otherWay: true)) }
        var text =
            "judged by \(verdict.answers) keys and \(verdict.heldOut) next clusters after \(cut):\n"
            + table(["asked", "valid answers", "hits", "hits of the hint alone", "says the hint"], rows)
        if otherWay != nil {
            text += "\nboth ways give the same answer to \(percentText(verdict.agreementWithoutHint)) of the keys"
        }
        return text
    }

    private func row(_ verdict: InterestVerdict, otherWay: Bool) -> [String] {
        [
            label(otherWay: otherWay), percentText(verdict.validShare), percentText(verdict.hitRate),
            percentText(verdict.hintHitRate), percentText(verdict.agreementWithHint),
        ]
    }
}

/// What `nearline interests` answers.
struct InterestSummary {
    let release: Int
    let build: Int
    let set: InterestSet
    let judgement: InterestJudgement
    let all: InterestReport
    let asking: InterestAsking

    private struct Facts: Encodable {
        var release: Int
        var build: Int
        var model: String
        var interests: Int
        var validShare: Double
        var judged: InterestJudgement.Facts
        var otherWay: InterestJudgement.Facts?
        var agreementOfBothWays: Double?
        var asked: Int
        var cached: Int
        var withoutAnswer: Int
        var tokens: Int
        var isWhole: Bool
    }

    var answer: Answer {
        let facts = Facts(
            release: release, build: build, model: set.model, interests: set.expected.count,
            validShare: set.validShare, judged: InterestJudgement.facts(judgement.verdict),
            otherWay: judgement.otherWay.map(InterestJudgement.facts),
            agreementOfBothWays: judgement.otherWay == nil ? nil : judgement.verdict.agreementWithoutHint,
            asked: asking.asked, cached: asking.cached, withoutAnswer: asking.failed, tokens: asking.tokens,
            isWhole: all.end == .done)
        return Answer(text, facts)
    }

    private var text: String {
        var lines = [
            "\(set.expected.count) keys of build \(build), release \(release), have an interest by \(set.model): "
                + "\(percentText(set.validShare)) of the answers are valid",
            "asked \(asking.asked) questions (\(asking.tokens) tokens), knew \(asking.cached) answers"
                + (asking.failed > 0 ? ", \(asking.failed) questions got none: run this again" : ""),
            judgement.text,
        ]
        if all.end != .done {
            lines.append(
                "\(asking.cap(all.end)) came before all keys had their answers, those seen most have: "
                    + "run this again to go on")
        }
        return lines.joined(separator: "\n")
    }
}
