/// One message of a chat, as the OpenAI-compatible servers take it.
package struct ChatMessage: Sendable, Equatable, Codable {
    package let role: String
    package let content: String

    package init(role: String, content: String) {
        self.role = role
        self.content = content
    }
}

/// Which model is asked, and how it is to answer; a change of any of it is another question to the cache.
package struct ChatModel: Sendable, Equatable {
    package var name: String
    /// 0 for the likeliest answer, the same each time as far as the server can.
    package var temperature: Double
    package var maximumAnswerTokens: Int
    /// Holds answers to the listed names by `response_format`; not every server takes that.
    package var holdsToNames: Bool

    package init(name: String, temperature: Double = 0, maximumAnswerTokens: Int = 32, holdsToNames: Bool = false) {
        self.name = name
        self.temperature = temperature
        self.maximumAnswerTokens = maximumAnswerTokens
        self.holdsToNames = holdsToNames
    }
}
