import Interests

/// `nearline interests --dry-run`: what would be asked, and about what it costs.
struct InterestPlan {
    let judged: [InterestKey]
    let keys: [InterestKey]
    let compares: Bool
    let givesHint: Bool
    let clusters: DescribedClusters
    let model: ChatModel

    private struct Facts: Encodable {
        var judgedKeys: Int
        var keys: Int
        var prompts: Int
        var cached: Int
        var requests: Int
        var tokensAbout: Int
        var tokensAtMost: Int
    }

    /// What English text comes to, for models of all makers.
    private static let bytesPerToken = 4

    func answer(_ context: RunContext) throws -> Answer {
        let prompts = self.prompts
        // Handed over to the store, and used by nobody else.
        nonisolated(unsafe) let connection = try context.connect("answers")
        let store = AnswerStore(connection), hashes = Array(prompts.keys)
        let known = try context.waiting {
            var known: Set<String> = []
            for start in stride(from: 0, to: hashes.count, by: 1000) {
                known.formUnion(try await store.known(Array(hashes[start..<min(start + 1000, hashes.count)])).keys)
            }
            return known
        }
        let most = prompts.reduce(0) { known.contains($1.key) ? $0 : $0 + $1.value }
        let facts = Facts(
            judgedKeys: judged.count, keys: keys.count, prompts: prompts.count, cached: known.count,
            requests: prompts.count - known.count, tokensAbout: most / Self.bytesPerToken, tokensAtMost: most)
        return Answer(
            "would ask \(model.name) \(facts.requests) questions: of \(facts.prompts) prompts for \(facts.keys) keys, and for "
                + "\(facts.judgedKeys) keys to judge it by, \(facts.cached) have their answers\n"
                + "about \(facts.tokensAbout) tokens, \(facts.tokensAtMost) at most; nothing was sent", facts)
    }

    /// The most tokens of every prompt, by its hash.
    private var prompts: [String: Int] {
        var prompts: [String: Int] = [:]
        var asked = [(judged + keys, givesHint)]
        if compares { asked.append((judged, !givesHint)) }
        for (keys, givesHint) in asked {
            let prompter = InterestPrompter(clusters.clusters, popular: clusters.popular, givesHint: givesHint)
            for prompt in keys.compactMap(prompter.prompt) {
                prompts[prompt.hash(for: model)] = prompt.tokenEstimate(for: model)
            }
        }
        return prompts
    }
}
