import Histories
import Postgres
import ResultTables

/// `nearline lookup`: one user's current list, with titles, sources and age, and what the user did last.
package struct LookUpUser {
    /// nil takes some user who has a list.
    package var user: String?
    package var count: Int
    package var showsHistory: Bool
    /// nil is the current one.
    package var release: Int?

    package init(user: String?, release: Int? = nil, count: Int, showsHistory: Bool) {
        self.user = user
        self.release = release
        self.count = count
        self.showsHistory = showsHistory
    }

    private struct Facts: Encodable {
        struct Item: Encodable {
            var rank: Int
            var item: String
            var score: Float
            var source: String
            var title: String?
        }
        struct Event: Encodable {
            var time: String
            var item: String
            var action: String
            var title: String?
        }
        var user: String
        var release: Int
        var model: String
        var asOf: String
        var ageSeconds: Double
        var origin: String
        var isOwn: Bool
        var items: [Item]
        var history: [Event]?
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let user = try user ?? anyUser(on: connection)
        let answer = try CandidateLookup(connection).list(of: user, inRelease: release)
        let shown = answer.items.prefix(count)
        // The lists can be read without the source; titles and history are extras.
        let source = try? context.source(on: connection)
        let history = showsHistory ? try source?.recent(of: user, count: count, on: connection) ?? [] : []
        let titles = try source?.titles(of: shown.map(\.item) + history.map(\.item), on: connection) ?? [:]
        let facts = Facts(
            user: user, release: answer.release.release, model: answer.release.model, asOf: answer.asOf,
            ageSeconds: answer.ageSeconds, origin: answer.origin.rawValue, isOwn: answer.isOwn,
            items: shown.map {
                .init(rank: $0.rank, item: $0.item, score: $0.score, source: $0.source.label, title: titles[$0.item])
            },
            history: showsHistory
                ? history.map { .init(time: $0.time, item: $0.item, action: $0.action, title: titles[$0.item]) } : nil)
        return Answer(text(facts), facts)
    }

    private func text(_ facts: Facts) -> String {
        var parts: [String] = []
        if let history = facts.history {
            let rows = history.map { [$0.time, $0.action, $0.item, $0.title ?? ""] }
            parts.append("user \(facts.user), last events:\n" + table(["time", "action", "item", "title"], rows))
        }
        let whose =
            switch facts.origin {
            case "own": "the list of user \(facts.user)"
            case "overlay": "the near-line list of user \(facts.user)"
            default: "user \(facts.user) has no list; the popular one"
            }
        let rows = facts.items.map {
            ["\($0.rank)", $0.item, String(($0.score * 1000).rounded() / 1000), $0.source, $0.title ?? ""]
        }
        parts.append(
            "\(whose), release \(facts.release), as of \(facts.asOf) (\(ageText(facts.ageSeconds))):\n"
                + table(["rank", "item", "score", "source", "title"], rows))
        return parts.joined(separator: "\n\n")
    }

    /// Somebody, always the same while the users are, for a first look.
    private func anyUser(on connection: Connection) throws -> String {
        guard let release = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
        guard
            let row = try connection.execute(
                """
                SELECT user_id::text AS user_id FROM nearline.candidate WHERE release = $1::int
                ORDER BY md5(user_id::text) LIMIT 1
                """, [.int(Int64(release.release))], doing: "choosing a user"
            ).first
        else { throw JobError.nobody(relation: "nearline.candidate") }
        return try row.string("user_id")
    }
}
