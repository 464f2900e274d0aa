import ChatSupport
import Interests
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct ChatClientTests {
    private static let canary = "sk-canary-8d1f0c"

    private let prompt = SmallShop.prompter.prompt(for: SmallShop.key(60, 10, successors: [30]))!

    /// What one question comes to, and the pauses that were made.
    private func ask(
        _ server: ChatServer, tries: Int = 4, timeout: Duration = .seconds(20), environment: [String: String] = [:],
        model: ChatModel = ChatModel(name: "small"), longestPause: Duration = .seconds(60),
        shouldStop: @escaping @Sendable () -> Bool = { false }
    ) async throws -> (result: Result<ChatAnswer, any Error>, pauses: [Duration]) {
        let pauses = Pauses(), http = ChatClient.session()
        let client = ChatClient(
            try ChatEndpoint(base: server.base, environment: environment), model: model, http: http, timeout: timeout,
            backoff: Backoff(tries: tries, firstPause: .milliseconds(100), longestPause: longestPause),
            pause: { pauses.add($0) })
        var result: Result<ChatAnswer, any Error>
        do { result = .success(try await client.ask(prompt, shouldStop: shouldStop)) } catch {
            result = .failure(error)
        }
        try await http.shutdown()
        try await server.close()
        return (result, pauses.all)
    }

    private final class Pauses: Sendable {
        private let list = Mutex<[Duration]>([])
        func add(_ pause: Duration) { list.withLock { $0.append(pause) } }
        var all: [Duration] { list.withLock { $0 } }
    }

    @Test func anAnswerComesWithItsTokens() async throws {
        let server = try await ChatServer { _ in
            .answer(body: completion("Bags", promptTokens: 31, completionTokens: 3))
        }
        let (result, pauses) = try await ask(server)
        #expect(try result.get() == ChatAnswer(text: "Bags", promptTokens: 31, completionTokens: 3))
        #expect(pauses.isEmpty && server.requests.map(\.path) == ["/v1/chat/completions"])
    }

    @Test func anAnswerWithoutContentOrUsageIsAnEmptyOne() async throws {
        let server = try await ChatServer { _ in .answer(body: #"{"choices":[{"message":{"content":null}}]}"#) }
        #expect(try await ask(server).result.get() == ChatAnswer(text: "", promptTokens: 0, completionTokens: 0))
    }

    @Test(arguments: [408, 409, 429, 500, 503])
    func aPassingRefusalIsTriedAgain(_ status: Int) async throws {
        let server = try await ChatServer {
            $0.number < 2 ? .answer(status: status, body: "busy") : .answer(body: completion("Bags"))
        }
        let (result, pauses) = try await ask(server)
        #expect(try result.get().text == "Bags")
        #expect(server.requests.count == 3 && Set(server.requests.map(\.body)).count == 1)
        try #require(pauses.count == 2)
        #expect((.milliseconds(50)...(.milliseconds(100))).contains(pauses[0]))
        #expect((.milliseconds(100)...(.milliseconds(200))).contains(pauses[1]))
    }

    @Test func aRetryAfterIsHonoured() async throws {
        let server = try await ChatServer {
            $0.number < 1
                ? .answer(status: 429, headers: ["retry-after": "7"], body: "") : .answer(body: completion("Bags"))
        }
        let (result, pauses) = try await ask(server)
        #expect(try result.get().text == "Bags")
        #expect(pauses == [.seconds(7)])
    }

    @Test func aRetryAfterBeyondPatienceEndsTheRunWithItsLength() async throws {
        let server = try await ChatServer { _ in .answer(status: 429, headers: ["retry-after": "3600"], body: "") }
        let (result, pauses) = try await ask(server)
        let error = #expect(throws: ChatError.self) { try result.get() }
        #expect(error?.description.contains("asks to wait 3600 seconds") == true)
        #expect(error?.isForAll == true && pauses.isEmpty && server.requests.count == 1)
    }

    @Test(arguments: [400, 401, 403, 404, 422, 302])
    func aFinalRefusalIsNotTriedAgainAndSaysTheNextStep(_ status: Int) async throws {
        let server = try await ChatServer { _ in
            .answer(
                status: status, headers: ["location": "/elsewhere"], body: #"{"error":{"message":"no\n such model"}}"#)
        }
        let result = try await ask(server).result
        let error = #expect(throws: ChatError.self) { try result.get() }
        guard case .refused(status, _, "no such model") = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let description = try #require(error?.description)
        #expect(description.contains("\(status)") && description.contains(";") && error?.isForAll == true)
        #expect(server.requests.count == 1)
    }

    @Test(arguments: ["", "<html>", #"{"choices":[]}"#, #"{"choices":[{}]}"#, "[]", #"{"object":"list"}"#])
    func whatIsNoCompletionIsTriedAgainAndThenNamed(_ body: String) async throws {
        let server = try await ChatServer { _ in .answer(body: body) }
        let result = try await ask(server, tries: 3).result
        let error = #expect(throws: ChatError.self) { try result.get() }
        guard case .malformed(_, 3, let what) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(what.contains(body.contains("[]}") ? "without a choice" : "\(body.utf8.count) bytes"))
        #expect(server.requests.count == 3)
    }

    @Test func aCutConnectionIsTriedAgain() async throws {
        let server = try await ChatServer {
            switch $0.number {
            case 0: .cut
            case 1: .cutInBody(completion("Bags"))
            default: .answer(body: completion("Bags"))
            }
        }
        let (result, pauses) = try await ask(server)
        #expect(try result.get().text == "Bags")
        #expect(server.requests.count == 3 && pauses.count == 2)
    }

    @Test func aServerThatStaysSilentRunsIntoTheTimeout() async throws {
        let server = try await ChatServer { _ in .silence }
        let (result, _) = try await ask(server, tries: 2, timeout: .milliseconds(200))
        let error = #expect(throws: ChatError.self) { try result.get() }
        guard case .unreachable(_, 2, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(server.requests.count == 2)
    }

    @Test func noTryFollowsAStop() async throws {
        let server = try await ChatServer { _ in .answer(status: 500, body: "") }
        let (result, pauses) = try await ask(server, shouldStop: { true })
        #expect(throws: ChatError.stopped) { try result.get() }
        #expect(server.requests.count == 1 && pauses.isEmpty)
    }

    @Test func aServerThatIsNotThereIsNamedWithTheNextStep() async throws {
        let server = try await ChatServer { _ in .cut }
        let base = server.base, http = ChatClient.session()
        try await server.close()
        let client = ChatClient(
            try ChatEndpoint(base: base, environment: [:]), model: ChatModel(name: "small"), http: http,
            backoff: Backoff(tries: 2, firstPause: .zero, longestPause: .zero), pause: { _ in })
        let error = await #expect(throws: ChatError.self) { try await client.ask(prompt) }
        try await http.shutdown()
        guard case .unreachable = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.description.contains("check that it runs") == true)
    }

    @Test func theKeyIsSentAndNeverSaid() async throws {
        let echoed = #"{"error":{"message":"Incorrect API key provided: \#(Self.canary)"}}"#
        let server = try await ChatServer { _ in .answer(status: 401, body: echoed) }
        let (result, _) = try await ask(server, environment: ["NEARLINE_CHAT_KEY": Self.canary])
        #expect(server.requests.first?.headers["authorization"] == ["Bearer \(Self.canary)"])
        let error = try #require(throws: ChatError.self) { try result.get() }
        let endpoint = try ChatEndpoint(base: "http://a", environment: ["NEARLINE_CHAT_KEY": Self.canary])
        var dumped = ""
        dump(endpoint, to: &dumped)
        dump(error, to: &dumped)
        for text in [dumped, "\(error)", "\(endpoint)", String(reflecting: endpoint), String(reflecting: error)] {
            #expect(!text.contains(Self.canary) && !text.contains("canary"))
        }
        #expect("\(error)".contains("Incorrect API key provided: (key)"))
    }

    @Test func noKeyIsSentWhereNoneIsSet() async throws {
        let server = try await ChatServer { _ in .answer(body: completion("Bags")) }
        _ = try await ask(server, environment: ["NEARLINE_CHAT_KEY": ""])
        #expect(server.requests.first?.headers["authorization"].isEmpty == true)
    }

    @Test func aKeyThatWouldBreakTheHeaderIsRefusedUnseen() {
        let error = #expect(throws: ChatError.self) {
            try ChatEndpoint(base: "http://a", environment: ["NEARLINE_CHAT_KEY": Self.canary + "\r\nx: y"])
        }
        #expect(error == .badKey(variable: "NEARLINE_CHAT_KEY") && error?.description.contains("canary") == false)
    }

    @Test(arguments: [
        ("http://h:1", "http://h:1"), ("http://h:1/", "http://h:1"), ("http://h:1/v1", "http://h:1"),
        ("https://h/api/v1//", "https://h/api"), ("HTTPS://h/api", "HTTPS://h/api"),
    ])
    func theBaseMayEndInV1OrNot(_ base: String, _ stem: String) throws {
        #expect(try ChatEndpoint(base: base, environment: [:]).url == stem + "/v1/chat/completions")
    }

    @Test(arguments: [
        "", "h:1", "ftp://h", "http://", "http:///x", "http://user:secret@h", "http://h/?key=secret", "http://h h",
    ])
    func aBaseThatIsNoneIsRefusedWithoutQuotingIt(_ base: String) {
        let error = #expect(throws: ChatError.self) { try ChatEndpoint(base: base, environment: [:]) }
        #expect(error?.description.contains("secret") == false)
    }

    @Test(
        arguments: [
            ("5", 5), ("0", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 37), ("Sun, 06 Nov 1994 08:48:00 GMT", 0),
            ("Sun, 06 Now 1994 08:49:37 GMT", nil), ("-1", nil), ("nan", nil), ("soon", nil), (nil, nil),
        ] as [(String?, Int?)])
    func aRetryAfterIsSecondsOrADate(_ header: String?, _ seconds: Int?) {
        // 784111777 is the date of RFC 9110's example.
        #expect(Backoff.asked(by: header, now: 784_111_740) == seconds.map { .seconds($0) })
    }
}
