import Domain
import Evaluation

/// What an evaluation found, for machines.
extension EvaluationReport {
    /// The first method's figures stand on top under their names; everything is in `methods`.
    var facts: JSONValue {
        var facts: [String: JSONValue] = [
            "users": .whole(set.judged.count), "users_with_both": .whole(set.usersWithBoth), "as_of": .text(asOf),
            "items": .whole(set.vocabulary.count), "split": .text(leavesOneOut ? "leave-one-out" : "time"),
            "truth": .text(truth.rawValue),
            "model": model.map { .text($0) } ?? .null, "cutoffs": .list(comparison.cutoffs.map { .whole($0) }),
            "methods": .list(methods.indices.map { .object(methodFacts($0)) }),
        ]
        for (name, value) in zip(names, comparison.means(0, .whole)) { facts[name] = .number(value) }
        return .object(facts)
    }

    private func methodFacts(_ method: Int) -> [String: JSONValue] {
        var facts: [String: JSONValue] = ["method": .text(methods[method])]
        for part in TargetPart.allCases { facts[part.rawValue] = .object(figures(of: method, part)) }
        facts["classes"] = .object(
            Dictionary(
                uniqueKeysWithValues: UserClass.allCases.map { wanted in
                    (wanted.rawValue, group(method) { $0.userClass == wanted })
                }))
        facts["scenes"] = .object(
            Dictionary(sceneGroups.map { ($0.name, group(method, $0.isMember)) }) { first, _ in first })
        facts["exposure"] = .object(exposure(of: method))
        guard method < ours else { return facts }
        facts["over_best_simple_method"] = .object(
            Dictionary(
                uniqueKeysWithValues: TargetPart.allCases.map { ($0.rawValue, .object(differences(of: method, $0))) }))
        return facts
    }

    private func figures(of method: Int, _ part: TargetPart) -> [String: JSONValue] {
        var facts: [String: JSONValue] = ["users": .whole(comparison.users(part))]
        for (column, mean) in comparison.means(method, part).enumerated() {
            facts[names[column]] = .object(fact(mean, comparison.interval(method, part, figure: column)))
        }
        return facts
    }

    private func differences(of method: Int, _ part: TargetPart) -> [String: JSONValue] {
        var facts: [String: JSONValue] = [:]
        for column in names.indices {
            guard let best = comparison.best(from: ours, part, figure: column) else { continue }
            let found = comparison.difference(method, over: best, part, figure: column)
            facts[names[column]] = .object(
                fact(found.mean, found.interval).merging(["method": .text(methods[best])]) { $1 })
        }
        return facts
    }

    private func fact(_ mean: Double, _ interval: Interval?) -> [String: JSONValue] {
        var fact: [String: JSONValue] = ["mean": .number(mean)]
        if let interval { fact.merge(["low": .number(interval.low), "high": .number(interval.high)]) { $1 } }
        return fact
    }

    private func group(_ method: Int, _ isMember: (Target) -> Bool) -> JSONValue {
        let (users, means) = comparison.means(method, .whole, where: isMember)
        var facts: [String: JSONValue] = ["users": .whole(users)]
        if users > 0 { for (name, value) in zip(names, means) { facts[name] = .number(value) } }
        return .object(facts)
    }

    private func exposure(of method: Int) -> [String: JSONValue] {
        let found = comparison.exposure(method, items: set.vocabulary.count)
        return [
            "coverage": .number(found.coverage), "gini": .number(found.gini),
            "effective_vocabulary": .whole(found.items(making: 0.95)),
            "curve": .list(
                ItemExposure.curve.map {
                    .object(["items": .number($0), "exposure": .number(found.exposure(ofTop: $0))])
                }),
        ]
    }
}
