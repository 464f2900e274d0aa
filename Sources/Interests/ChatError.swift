/// Why a chat server gave no answer.
package enum ChatError: Error, Sendable, Equatable {
    case badAddress(_ what: String)
    case badKey(variable: String)
    /// 400, 401, 403, 404, a redirect and the like: asking again would end the same.
    case refused(status: Int, url: String, message: String)
    /// Too many requests or a server in trouble, still after the last try.
    case unavailable(status: Int, url: String, tries: Int)
    /// The server asks for a longer pause than is waited for.
    case pauseTooLong(seconds: Int, url: String)
    case unreachable(url: String, tries: Int, reason: String)
    /// An answer that is no chat completion.
    case malformed(url: String, tries: Int, what: String)
    /// The run was told to stop between two tries.
    case stopped

    /// True where every other question would end the same.
    package var isForAll: Bool {
        switch self {
        case .badAddress, .badKey, .refused, .pauseTooLong: true
        case .unavailable, .unreachable, .malformed, .stopped: false
        }
    }
}

extension ChatError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badAddress(let what):
            "the base URL of the chat server \(what); give it as http://host:port or https://host/path, the key apart"
        case .badKey(let variable): "\(variable) has a space or an unprintable character in it; set it again"
        case .refused(let status, let url, let message):
            "\(url) answered \(status)\(message.isEmpty ? "" : ": \(message)"); \(ChatError.nextStep(status))"
        case .unavailable(let status, let url, let tries):
            "\(url) still answered \(status) at try \(tries); run this again later, or ask less at once"
        case .pauseTooLong(let seconds, let url):
            "\(url) asks to wait \(seconds) seconds; run this again then, or look at the quota there"
        case .unreachable(let url, let tries, let reason):
            "\(url) was not reached in \(tries) tries (\(reason)); check that it runs and that the base URL names it"
        case .malformed(let url, let tries, let what):
            "\(url) gave no chat completion in \(tries) tries (\(what)); check that the base URL names such a server"
        case .stopped: "stopped before the next try; run this again to go on"
        }
    }

    private static func nextStep(_ status: Int) -> String {
        switch status {
        case 401, 403: "set the key's variable to a key that may use this model"
        case 404: "check the base URL and the model's name"
        case 300..<400: "give the base URL that it sends to"
        case 413, 422, 400: "check the model's name, its context length and whether it takes response_format"
        default: "see the server's log"
        }
    }
}
