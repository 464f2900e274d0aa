import ChatSupport
import Foundation
import Interests
import Testing

/// Exchanges with llama.cpp's server (b11434) and gemma-3-270m, as they went over the wire.
@Suite(.timeLimit(.minutes(1))) struct RecordedExchangeTests {
    private struct Exchange: Decodable {
        let request: Request
        let status: Int
        let response: String
    }

    private struct Request: Decodable, Equatable {
        let messages: [ChatMessage]
        let model: String
        let temperature: Double
        let maximumTokens: Int
        let format: Format?

        private enum CodingKeys: String, CodingKey {
            case messages, model, temperature
            case maximumTokens = "max_tokens"
            case format = "response_format"
        }
    }

    private struct Format: Decodable, Equatable {
        let type: String
        let schema: Named

        private enum CodingKeys: String, CodingKey {
            case type
            case schema = "json_schema"
        }

        struct Named: Decodable, Equatable {
            let name: String
            let strict: Bool
            let schema: Object
        }

        struct Object: Decodable, Equatable {
            let type: String
            let properties: [String: Choice]
            let required: [String]
            let additionalProperties: Bool
        }

        struct Choice: Decodable, Equatable {
            let type: String
            let names: [String]

            private enum CodingKeys: String, CodingKey {
                case type
                case names = "enum"
            }
        }
    }

    private let key = SmallShop.key(60, 10, successors: [30])

    private func recorded(_ name: String) throws -> Exchange {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Exchanges"))
        return try JSONDecoder().decode(Exchange.self, from: Data(contentsOf: url))
    }

    /// Asks the question of ``key`` of a server that answers as recorded; also returns what that server got.
    private func replay(_ exchange: Exchange, holdsToNames: Bool) async throws -> (
        Result<ChatAnswer, any Error>, Request
    ) {
        let server = try await ChatServer { _ in .answer(status: exchange.status, body: exchange.response) }
        let model = ChatModel(
            name: exchange.request.model, maximumAnswerTokens: exchange.request.maximumTokens,
            holdsToNames: holdsToNames)
        let http = ChatClient.session()
        let client = ChatClient(try ChatEndpoint(base: server.base, environment: [:]), model: model, http: http)
        let prompt = try #require(SmallShop.prompter.prompt(for: key))
        let result: Result<ChatAnswer, any Error>
        do { result = .success(try await client.ask(prompt)) } catch { result = .failure(error) }
        try await http.shutdown()
        try await server.close()
        return (
            result, try JSONDecoder().decode(Request.self, from: Data(try #require(server.requests.first).body.utf8))
        )
    }

    @Test(arguments: ["free", "held-to-names"])
    func theQuestionIsTheRecordedOneAndItsAnswerIsRead(_ name: String) async throws {
        let exchange = try recorded(name)
        let (result, asked) = try await replay(exchange, holdsToNames: name == "held-to-names")
        #expect(asked == exchange.request)
        let answer = try result.get()
        #expect(answer.promptTokens > 100 && answer.completionTokens > 3)
        let prompt = try #require(SmallShop.prompter.prompt(for: key))
        let match = InterestMatcher(SmallShop.clusters).match(answer.text, to: prompt, key: key)
        #expect(match == .cluster(name == "free" ? 30 : 20), "\(answer.text)")
    }

    @Test func aPromptBeyondTheContextIsAFinalRefusalInTheServersWords() async throws {
        let exchange = try recorded("too-long")
        let (result, _) = try await replay(exchange, holdsToNames: false)
        let error = try #require(throws: ChatError.self) { try result.get() }
        #expect(error.isForAll && error.description.contains("context size"))
        #expect(error.description.contains("check the model's name, its context length"))
    }
}
