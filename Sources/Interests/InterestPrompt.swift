import Checksum

/// The question for one key, and what its answer is matched with.
package struct InterestPrompt: Sendable, Equatable {
    package let messages: [ChatMessage]
    /// The clusters of the list in its order: number 1 is the first.
    package let candidates: [Int]
    /// Their names, in the same order.
    package let names: [String]
    /// True where an answer may be the number of a line.
    package let isNumbered: Bool

    /// Names question, model and temperature in the cache: the same text is never asked twice.
    package func hash(for model: ChatModel) -> String {
        var parts = [
            model.name, "\(model.temperature)", "\(model.maximumAnswerTokens)", model.holdsToNames ? "names" : "free",
        ]
        for message in messages { parts += [message.role, message.content] }
        // With its length before it, no part can run into the next.
        return Checksum.name(parts.map { "\($0.utf8.count):\($0)" }.joined())
    }

    /// More tokens than this question can cost, for the budget: no token is shorter than a byte.
    package func tokenEstimate(for model: ChatModel) -> Int {
        // Each message is wrapped in some tokens of the chat template.
        messages.reduce(model.maximumAnswerTokens) { $0 + $1.content.utf8.count + 32 }
    }
}
