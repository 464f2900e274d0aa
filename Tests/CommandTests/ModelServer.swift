import ChatSupport
import Foundation

/// What a request asks, as the words of its prompt say it.
struct ChatQuestion {
    /// The clusters of the list, in its order.
    let listed: [String]
    /// The most frequent successor; nil where none was told.
    let hint: String?

    init(_ request: ChatServer.Request) {
        let body = try? JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? [String: Any]
        let messages = body?["messages"] as? [[String: String]] ?? []
        let lines = (messages.last?["content"] ?? "").split(separator: "\n").map(String.init)
        // "3. Name (titles)", without the number and the titles.
        listed = lines.compactMap { $0.wholeMatch(of: #/\d+\. (.*?)( \(.*\))?/#).map { String($0.1) } }
        hint = lines.compactMap { $0.wholeMatch(of: #/After that, users most often turned to: (.*)\./#) }.first
            .map { String($0.1) }
    }
}

extension ChatServer {
    /// A model that says what it is told, and the first of the list where it is told nothing.
    static func obedient() async throws -> ChatServer {
        try await ChatServer { .answer(body: completion(ChatQuestion($0).obedientAnswer)) }
    }

    /// How many different questions came, and how many came more than once.
    var questions: (distinct: Int, repeated: Int) {
        let counts = Dictionary(grouping: requests, by: \.body).mapValues(\.count)
        return (counts.count, counts.values.count { $0 > 1 })
    }
}

extension ChatQuestion {
    var obedientAnswer: String { hint ?? listed.first ?? "" }
}
