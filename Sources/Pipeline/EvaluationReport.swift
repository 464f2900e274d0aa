import Domain
import Evaluation
import Foundation

/// What an evaluation found, as tables for people.
struct EvaluationReport {
    let comparison: Comparison
    let set: EvaluationSet
    let model: String?
    /// How many methods, the first ones, are not simple.
    let ours: Int
    let asOf: String
    let leavesOneOut: Bool
    let truth: EvaluateLists.Truth
    let serveAt: EvaluateLists.ServeAt
    let easeItems: Int

    var names: [String] { comparison.names }
    var methods: [String] { comparison.methods.map(\.name) }
    /// Recall at the largest K, which groups and differences are told by.
    private var deepest: Int { names.firstIndex(of: "Recall@\(comparison.cutoffs.last ?? 0)")! }

    var text: String {
        var parts = [heading, figures(.whole, RankingMetrics.figures)]
        if comparison.users(.repeat) > 0 { parts.append(figures(.repeat, ["Recall", "NDCG"])) }
        if comparison.users(.novel) > 0 { parts.append(figures(.novel, RankingMetrics.figures)) }
        parts += [intervals, differences, classes, scenes, exposure].compactMap { $0 }
        return parts.joined(separator: "\n\n")
    }

    private var heading: String {
        let what = leavesOneOut ? "each user's last event up to \(asOf)" : "first session after \(asOf)"
        var text =
            (model.map { "model \($0), " } ?? "no model, ") + what
            + (truth == .engaged ? ", " : ", its \(truth.rawValue) items, ") + "\(set.judged.count) users"
            + (set.usersWithBoth > set.judged.count ? " of \(set.usersWithBoth)" : "")
            + ", \(set.vocabulary.count) items" + (model == nil ? "" : ", served at \(serveAt.rawValue)")
        if easeItems > 0, easeItems < set.vocabulary.count {
            text += "\nEASE takes the \(easeItems) most popular items only"
        }
        if set.log.isSampled {
            text +=
                "\nsimple methods learn from \(set.log.histories.count) of \(set.log.usersSeen) users (corpus-tokens)"
        }
        return text
    }

    private static let titles: [TargetPart: String] = [
        .whole: "all items", .repeat: "repeat items", .novel: "novel items",
    ]

    private func figures(_ part: TargetPart, _ wanted: [String]) -> String {
        let columns = names.indices.filter { wanted.contains(String(names[$0].prefix { $0 != "@" })) }
        let rows = methods.indices.map { method in
            let means = comparison.means(method, part)
            return [methods[method]] + columns.map { figure(means[$0]) }
        }
        let title = Self.titles[part]! + (part == .whole ? "" : ", \(comparison.users(part)) users")
        return table([title] + columns.map { names[$0] }, rows)
    }

    private var intervals: String? {
        let columns = names.indices.filter { names[$0].hasPrefix("Recall") || names[$0].hasPrefix("NDCG") }
        let rows = methods.indices.map { method in
            [methods[method]] + columns.map { interval(comparison.interval(method, .whole, figure: $0)) }
        }
        guard comparison.interval(0, .whole, figure: 0) != nil else { return nil }
        return table(["all items, 95 % interval"] + columns.map { names[$0] }, rows)
    }

    /// Our first method against the best of the others, figure by figure.
    private var differences: String? {
        guard ours > 0 else { return nil }
        var rows: [[String]] = []
        for part in [TargetPart.whole, .novel] where comparison.users(part) > 0 {
            for column in names.indices where names[column].hasPrefix("Recall") || names[column].hasPrefix("NDCG") {
                guard let best = comparison.best(from: ours, part, figure: column) else { return nil }
                let found = comparison.difference(0, over: best, part, figure: column)
                rows.append([
                    Self.titles[part]!, names[column], methods[best], String(format: "%+.4f", found.mean),
                    interval(found.interval), verdict(found.interval),
                ])
            }
        }
        return table(
            ["\(methods[0]) against", "figure", "best simple method", "difference", "95 % interval", ""], rows)
    }

    private func verdict(_ interval: Interval?) -> String {
        guard let interval, interval.excludesZero else { return "" }
        return interval.low > 0 ? "better" : "worse"
    }

    private var classes: String {
        groups(
            "\(names[deepest]) by sessions before",
            UserClass.allCases.map { wanted in (wanted.label, { $0.userClass == wanted }) })
    }

    private var scenes: String? {
        let found = sceneGroups
        guard found.count > 1 else { return nil }
        return groups("\(names[deepest]) by scene", found)
    }

    var sceneGroups: [(name: String, isMember: (Target) -> Bool)] {
        let scenes = Set(comparison.targets.map(\.scene)).sorted()
        return scenes.map { scene in
            let name = set.vocabulary.scenes[Int(scene)]
            return (name.isEmpty ? "(none)" : name, { $0.scene == scene })
        }
    }

    private func groups(_ title: String, _ groups: [(name: String, isMember: (Target) -> Bool)]) -> String {
        let users = groups.map { comparison.means(0, .whole, where: $0.isMember).users }
        let rows = methods.indices.map { method in
            [methods[method]]
                + groups.indices.map { group in
                    users[group] == 0
                        ? "" : figure(comparison.means(method, .whole, where: groups[group].isMember).means[deepest])
                }
        }
        return table([title] + zip(groups, users).map { "\($0.name): \($1) users" }, rows)
    }

    private var exposure: String {
        let rows = methods.indices.map { method in
            let found = comparison.exposure(method, items: set.vocabulary.count)
            return [methods[method], figure(found.coverage), figure(found.gini), "\(found.items(making: 0.95))"]
                + ItemExposure.curve.map { figure(found.exposure(ofTop: $0)) }
        }
        return table(
            ["exposure, first \(comparison.cutoffs.last ?? 0)", "coverage", "Gini", "items making 95 %"]
                + ItemExposure.curve.map { "top \(($0 * 1000).rounded() / 10) %" }, rows)
    }

    private func figure(_ value: Double) -> String { String(format: "%.4f", value) }

    private func interval(_ interval: Interval?) -> String {
        interval.map { String(format: "%.4f to %.4f", $0.low, $0.high) } ?? ""
    }
}
