import FoundationEssentials

/// An answer of the model and what it cost.
package struct ChatAnswer: Sendable, Equatable {
    package let text: String
    package let promptTokens: Int
    package let completionTokens: Int

    package init(text: String, promptTokens: Int, completionTokens: Int) {
        self.text = text
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
    }

    package var tokens: Int { promptTokens + completionTokens }
}

/// The body of a request.
struct CompletionRequest: Encodable {
    let model: String
    let messages: [ChatMessage]
    let temperature: Double
    let maximumTokens: Int
    let format: NamedAnswer.Format?

    init(_ prompt: InterestPrompt, model: ChatModel) {
        self.model = model.name
        messages = prompt.messages
        temperature = model.temperature
        maximumTokens = model.maximumAnswerTokens
        format = model.holdsToNames ? NamedAnswer.Format(names: prompt.names) : nil
    }

    private enum CodingKeys: String, CodingKey {
        case model, messages, temperature
        case maximumTokens = "max_tokens"
        case format = "response_format"
    }

    func bytes() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}

/// The part of a response that is read.
struct CompletionResponse: Decodable {
    let choices: [Choice]
    let usage: Usage?

    struct Choice: Decodable { let message: Message }
    /// Without content where the model spent all its tokens on thoughts.
    struct Message: Decodable { let content: String? }

    struct Usage: Decodable {
        let promptTokens: Int?
        let completionTokens: Int?

        private enum CodingKeys: String, CodingKey {
            case promptTokens = "prompt_tokens"
            case completionTokens = "completion_tokens"
        }
    }

    static func answer(from body: [UInt8]) throws(Malformed) -> ChatAnswer {
        guard let response = try? JSONDecoder().decode(CompletionResponse.self, from: Data(body)) else {
            throw Malformed(what: "\(body.count) bytes that are no completion")
        }
        guard let choice = response.choices.first else { throw Malformed(what: "a completion without a choice") }
        return ChatAnswer(
            text: choice.message.content ?? "", promptTokens: max(0, response.usage?.promptTokens ?? 0),
            completionTokens: max(0, response.usage?.completionTokens ?? 0))
    }

    struct Malformed: Error { let what: String }
}

/// What a server says that refuses, `{"error": {"message": "..."}}`.
struct CompletionRefusal: Decodable {
    let error: Inner

    struct Inner: Decodable { let message: String }

    static func message(in body: [UInt8]) -> String {
        let said = (try? JSONDecoder().decode(CompletionRefusal.self, from: Data(body)))?.error.message ?? ""
        return String(said.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(200))
    }
}
