/// Where an OpenAI-compatible server answers, and the secret that it asks for, if it does.
package struct ChatEndpoint: Sendable, CustomStringConvertible {
    /// Ends in `/v1/chat/completions`.
    package let url: String
    let key: ChatKey?

    /// The one place that a secret is taken from: an option would show in `ps`, a file in backups.
    package static let keyVariable = "NEARLINE_CHAT_KEY"

    /// - Parameters:
    ///   - base: `http://` or `https://`, host, port and path, with or without `/v1` at its end.
    ///   - keyVariable: the one place a key is taken from; without such a variable none is sent.
    package init(
        base: String, keyVariable: String = ChatEndpoint.keyVariable, environment: [String: String]
    ) throws(ChatError) {
        let scheme = ["http://", "https://"].first { base.lowercased().hasPrefix($0) }
        guard let scheme, !base.dropFirst(scheme.count).hasPrefix("/"), base.utf8.count > scheme.utf8.count else {
            throw .badAddress("has no http:// or https:// and host in it")
        }
        guard !base.contains(where: { "@?#".contains($0) || $0.isWhitespace }) else {
            throw .badAddress("has a password, a query or a space in it")
        }
        var path = base[...]
        while path.hasSuffix("/") { path.removeLast() }
        if path.hasSuffix("/v1") { path.removeLast(3) }
        url = path + "/v1/chat/completions"
        key = try ChatKey(environment[keyVariable], variable: keyVariable)
    }

    package var description: String { url }
}

/// A secret whose text cannot be printed by accident.
struct ChatKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    /// Nil for an empty variable.
    init?(_ text: String?, variable: String) throws(ChatError) {
        guard let text, !text.isEmpty else { return nil }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { throw .badKey(variable: variable) }
        self.text = text
    }

    var header: String { "Bearer \(text)" }

    /// What a server says may quote the key back.
    func struckOut(of message: String) -> String { message.replacing(text, with: "(key)") }

    var description: String { "(key)" }
    var debugDescription: String { "(key)" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
