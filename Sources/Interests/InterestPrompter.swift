/// Words the question for a key: the clusters to choose from, what the user was last interested in, and the most
/// frequent successor.
///
/// The list holds every cluster but the key's own while there are at most `longestList` of them; beyond that it holds
/// the key's counted successors and then the most popular clusters, up to `longestList`. Either way it is in the order
/// of the ids, so that a place in it tells nothing about counts.
///
/// Source: arXiv:2510.20260 (per-key retrieval, most frequent rather than strongest trend, top-1).
/// Departure: the paper's model was fine-tuned to know its clusters, one from a shelf has to be shown them.
package struct InterestPrompter: Sendable {
    private let byID: [Int: ClusterDescription]
    private let ordered: [ClusterDescription]
    private let popular: [Int]
    private let longestList: Int
    private let givesHint: Bool

    /// - Parameters:
    ///   - popular: ids, most popular first; fills the list where not all clusters fit.
    ///   - givesHint: false asks without the counted successor, to compare.
    package init(_ clusters: [ClusterDescription], popular: [Int], longestList: Int = 200, givesHint: Bool = true) {
        precondition(longestList > 0, "the list holds one cluster at least")
        byID = Dictionary(clusters.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        ordered = byID.values.sorted { $0.id < $1.id }
        self.popular = popular.filter { [byID] in byID[$0] != nil }
        self.longestList = longestList
        self.givesHint = givesHint
    }

    package func described(_ cluster: Int) -> ClusterDescription? { byID[cluster] }

    package var clusters: [ClusterDescription] { ordered }

    /// Nil where a cluster of the key is not described, or no other cluster is there to choose.
    package func prompt(for key: InterestKey) -> InterestPrompt? {
        guard let latest = byID[key.latest] else { return nil }
        if let older = key.older, byID[older] == nil { return nil }
        let listed = candidates(for: key)
        guard !listed.isEmpty else { return nil }
        // A name that is a number itself could not be told from the number of a line.
        let isNumbered = !ordered.contains { $0.name.allSatisfy(\.isNumber) }
        let text = [
            InterestPrompter.list(listed, isNumbered: isNumbered), history(key, latest: latest), question(key),
        ]
        return InterestPrompt(
            messages: [
                ChatMessage(role: "system", content: InterestPrompter.instruction(isNumbered: isNumbered)),
                ChatMessage(role: "user", content: text.joined(separator: "\n\n")),
            ], candidates: listed.map(\.id), names: listed.map(\.name), isNumbered: isNumbered)
    }

    private func candidates(for key: InterestKey) -> [ClusterDescription] {
        let others = ordered.filter { !key.contains($0.id) }
        guard others.count > longestList else { return others }
        var chosen: Set<Int> = []
        for cluster in key.successors + popular + others.map(\.id) where chosen.count < longestList {
            if byID[cluster] != nil, !key.contains(cluster) { chosen.insert(cluster) }
        }
        return others.filter { chosen.contains($0.id) }
    }

    private static func instruction(isNumbered: Bool) -> String {
        "You predict which group of items a user turns to next. Answer with one line of the list, "
            + (isNumbered ? "its number and name" : "its name") + ", and nothing else."
    }

    private static func list(_ clusters: [ClusterDescription], isNumbered: Bool) -> String {
        let lines = clusters.enumerated().map { place, cluster in
            (isNumbered ? "\(place + 1). " : "- ") + line(cluster)
        }
        return (["Groups:"] + lines).joined(separator: "\n")
    }

    private static func line(_ cluster: ClusterDescription) -> String {
        cluster.text.isEmpty ? cluster.name : "\(cluster.name) (\(cluster.text))"
    }

    private func history(_ key: InterestKey, latest: ClusterDescription) -> String {
        let older = key.older.flatMap { byID[$0] }.map { "\(InterestPrompter.line($0)), and then in " } ?? ""
        return "The user was interested in \(older)\(InterestPrompter.line(latest))."
    }

    private func question(_ key: InterestKey) -> String {
        let hint = givesHint ? key.hint.flatMap { byID[$0] } : nil
        let retrieved = hint.map { "After that, users most often turned to: \($0.name).\n" } ?? ""
        return retrieved + "Which group of the list, new to this user, comes next?"
    }
}
