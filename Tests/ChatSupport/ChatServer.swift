import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A chat server in this process on a real socket: it answers as a test says, and notes what it was asked.
package final class ChatServer: Sendable {
    package struct Request: Sendable {
        /// From 0, in the order of arrival.
        package let number: Int
        package let path: String
        package let headers: HTTPHeaders
        package let body: String
    }

    package indirect enum Reaction: Sendable {
        case answer(status: Int = 200, headers: [String: String] = [:], body: String)
        /// The connection is closed without an answer.
        case cut
        /// The head and half of the body, then the connection is closed.
        case cutInBody(String)
        /// Nothing, ever.
        case silence
        /// Held until that many requests wait together, then all are answered.
        case together(Int, Reaction)
    }

    private struct State {
        var requests: [Request] = []
        var inFlight = 0
        var mostInFlight = 0
        var held: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let react: @Sendable (Request) -> Reaction
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    package init(_ react: @escaping @Sendable (Request) -> Reaction) async throws {
        self.react = react
        let bound = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Conversation(server: self))
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        channel.withLock { $0 = bound }
    }

    package var base: String { "http://127.0.0.1:\(channel.withLock { $0?.localAddress?.port ?? 0 })" }
    package var requests: [Request] { state.withLock { $0.requests } }
    package var mostInFlight: Int { state.withLock { $0.mostInFlight } }

    /// The server keeps itself alive while it listens.
    package func close() async throws { try await channel.withLock { $0 }?.close() }

    fileprivate func received(path: String, headers: HTTPHeaders, body: String) -> Reaction {
        let request = state.withLock { state in
            let request = Request(number: state.requests.count, path: path, headers: headers, body: body)
            state.requests.append(request)
            state.inFlight += 1
            state.mostInFlight = max(state.mostInFlight, state.inFlight)
            return request
        }
        return react(request)
    }

    fileprivate func answered() { state.withLock { $0.inFlight -= 1 } }

    fileprivate func hold(_ count: Int, _ release: @escaping @Sendable () -> Void) {
        let due = state.withLock { state in
            state.held.append(release)
            guard state.held.count >= count else { return [@Sendable () -> Void]() }
            defer { state.held = [] }
            return state.held
        }
        for release in due { release() }
    }
}

/// One connection.
private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let server: ChatServer
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(server: ChatServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(var part): body.writeBuffer(&part)
        case .end:
            guard let head else { return }
            let reaction = server.received(path: head.uri, headers: head.headers, body: String(buffer: body))
            play(reaction, on: context.channel)
        }
    }

    private func play(_ reaction: ChatServer.Reaction, on channel: any Channel) {
        let server = server
        switch reaction {
        case .answer(let status, let headers, let text): answer(status, headers, text, isWhole: true, on: channel)
        case .cutInBody(let text): answer(200, [:], text, isWhole: false, on: channel)
        case .cut:
            server.answered()
            channel.close(promise: nil)
        case .silence: break
        case .together(let count, .answer(let status, let headers, let text)):
            server.hold(count) {
                // Time for one request too many to show; where there is none, nothing depends on its length.
                channel.eventLoop.scheduleTask(in: .milliseconds(50)) {
                    send(status, headers, text, isWhole: true, on: channel, then: server.answered)
                }
            }
        case .together: preconditionFailure("only answers are held back")
        }
    }

    private func answer(
        _ status: Int, _ headers: [String: String], _ text: String, isWhole: Bool, on channel: any Channel
    ) {
        send(status, headers, text, isWhole: isWhole, on: channel, then: server.answered)
    }
}

private func send(
    _ status: Int, _ headers: [String: String], _ text: String, isWhole: Bool, on channel: any Channel,
    then done: () -> Void
) {
    var fields = HTTPHeaders(headers.map { ($0.key, $0.value) })
    fields.add(name: "content-length", value: "\(text.utf8.count)")
    let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: fields)
    let shown = isWhole ? text : String(text.prefix(text.count / 2))
    // Before the bytes leave, so that the next request is never counted beside this one.
    done()
    channel.write(HTTPServerResponsePart.head(head), promise: nil)
    channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: shown))), promise: nil)
    guard isWhole else {
        channel.flush()
        channel.close(promise: nil)
        return
    }
    channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
}

/// A chat completion as servers word it.
package func completion(_ content: String, promptTokens: Int = 10, completionTokens: Int = 2) -> String {
    let quoted = content.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    return """
        {"choices":[{"index":0,"message":{"role":"assistant","content":"\(quoted)"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":\(promptTokens),"completion_tokens":\(completionTokens)}}
        """
}
