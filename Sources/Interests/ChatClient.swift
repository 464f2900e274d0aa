import AsyncHTTPClient
import NIOCore
import NIOHTTP1

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Asks an OpenAI-compatible chat server, again where that can help: after 408, 409, 429, 5xx, a lost connection, a
/// timeout or an answer that is none.
package struct ChatClient: Sendable {
    private let endpoint: ChatEndpoint
    private let model: ChatModel
    private let http: HTTPClient
    private let timeout: Duration
    private let backoff: Backoff
    private let pause: @Sendable (Duration) async throws -> Void

    private static let longestBody = 1 << 20

    /// - Parameters:
    ///   - http: from ``session()``, shut down by the caller.
    ///   - timeout: of one try, from connecting to the last byte.
    package init(
        _ endpoint: ChatEndpoint, model: ChatModel, http: HTTPClient, timeout: Duration = .seconds(60),
        backoff: Backoff = Backoff(),
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.endpoint = endpoint
        self.model = model
        self.http = http
        self.timeout = timeout
        self.backoff = backoff
        self.pause = pause
    }

    /// A client that follows no redirect, which would hand the key to another server, and logs nothing of its own.
    package static func session() -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(10)
        // A refused connection shows at once; when to try again is this client's own decision.
        configuration.connectionPool.retryConnectionEstablishment = false
        // As many as are asked for at once; the run bounds that.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Throws ``ChatError``, or `CancellationError` when its task is cancelled.
    package func ask(
        _ prompt: InterestPrompt, shouldStop: @Sendable () -> Bool = { false }
    ) async throws -> ChatAnswer {
        let body = ByteBuffer(bytes: try CompletionRequest(prompt, model: model).bytes())
        var number = 1
        while true {
            switch try await attempt(body) {
            case .answer(let answer): return answer
            case .final(let error): throw error
            case .retry(let failure, let asked):
                guard number < backoff.tries else { throw failure.error(endpoint, tries: number) }
                guard !shouldStop() else { throw ChatError.stopped }
                try await pause(try wait(afterTry: number, asked: asked))
                guard !shouldStop() else { throw ChatError.stopped }
                number += 1
            }
        }
    }

    private func wait(afterTry number: Int, asked: Duration?) throws(ChatError) -> Duration {
        var generator = SystemRandomNumberGenerator()
        let own = backoff.pause(afterTry: number, using: &generator)
        guard let asked else { return own }
        guard asked <= backoff.longestPause else {
            throw .pauseTooLong(seconds: Int(asked.components.seconds), url: endpoint.url)
        }
        return max(asked, own)
    }

    private func attempt(_ body: ByteBuffer) async throws -> Attempt {
        do {
            let deadline = NIODeadline.now() + .nanoseconds(Int64(timeout / .nanoseconds(1)))
            let response = try await http.execute(request(body), deadline: deadline)
            let bytes = Array(try await response.body.collect(upTo: ChatClient.longestBody).readableBytesView)
            return read(response.status, retryAfter: response.headers.first(name: "retry-after"), bytes)
        } catch {
            try Task.checkCancellation()
            return .retry(.unreachable(ChatClient.reason(error)), nil)
        }
    }

    private func request(_ body: ByteBuffer) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: endpoint.url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        if let key = endpoint.key { request.headers.add(name: "authorization", value: key.header) }
        request.body = .bytes(body)
        return request
    }

    private func read(_ status: HTTPResponseStatus, retryAfter: String?, _ body: [UInt8]) -> Attempt {
        switch status.code {
        case 200:
            do { return .answer(try CompletionResponse.answer(from: body)) } catch {
                return .retry(.malformed(error.what), nil)
            }
        case 408, 409, 429, 500...599:
            return .retry(.status(Int(status.code)), Backoff.asked(by: retryAfter, now: time(nil)))
        default:
            let said = CompletionRefusal.message(in: body)
            return .final(
                .refused(
                    status: Int(status.code), url: endpoint.url, message: endpoint.key?.struckOut(of: said) ?? said))
        }
    }

    /// The kind of failure in the library's own words, which name no header.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: "\(error)"
        case is NIOTooManyBytesError: "an answer of more than \(longestBody) bytes"
        case let error as IOError: "\(error)"
        default: "\(type(of: error))"
        }
    }

    private enum Attempt {
        case answer(ChatAnswer)
        case final(ChatError)
        case retry(Failure, Duration?)
    }

    private enum Failure {
        case status(Int), unreachable(String), malformed(String)

        func error(_ endpoint: ChatEndpoint, tries: Int) -> ChatError {
            switch self {
            case .status(let status): .unavailable(status: status, url: endpoint.url, tries: tries)
            case .unreachable(let reason): .unreachable(url: endpoint.url, tries: tries, reason: reason)
            case .malformed(let what): .malformed(url: endpoint.url, tries: tries, what: what)
            }
        }
    }
}
