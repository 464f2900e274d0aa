import Blending
import Domain
import Foundation
import Histories
import Model
import Postgres
import ResultTables

/// `nearline explain`: why a user's list is as it is, made once more from the events that it was made from.
package struct ExplainUser {
    package var user: String
    /// nil explains the list.
    package var item: String?
    package var count: Int

    package init(user: String, item: String?, count: Int) {
        (self.user, self.item, self.count) = (user, item, count)
    }

    private struct Facts: Encodable {
        struct Item: Encodable {
            var item: String
            var title: String?
            /// From 1, in the list; nil for one that is not in it.
            var rank: Int?
            /// From 1, among all that were looked at, before exclusions; nil for one that was not.
            var rankBeforeRules: Int?
            /// What each source adds to the score.
            var parts: [String: Float]
            var verdict: String?
        }
        struct Session: Encodable {
            var startsAt: String
            var items: Int
            var weight: Float
        }
        var user: String
        var release: Int
        var model: String
        var asOf: String
        var origin: String
        var isMerged = false
        var listed = 0
        var sources: [String: Int] = [:]
        /// Places at which the stored list differs from the one that the events give now.
        var changedPlaces = 0
        var items: [Item] = []
        var sessions: [Session] = []
        /// What the model reads beside them.
        var anchors: [String] = []
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema(), source = try context.source(on: connection)
        let stored = try CandidateLookup(connection).list(of: user)
        let served = try ServedModel(stored.release, source, context, on: connection)
        var facts = Facts(
            user: user, release: stored.release.release, model: stored.release.model, asOf: stored.asOf,
            origin: stored.origin.rawValue)
        facts.listed = stored.items.count
        facts.sources = Dictionary(grouping: stored.items, by: \.source.label).mapValues(\.count)
        guard let key = source.userType.parse(user) else {
            throw JobError.notAKey(user, type: source.userType.rawValue)
        }
        let asOf = try Instant(stored.asOf, source: source, on: connection), isOverlay = stored.origin == .overlay
        let serveAt = isOverlay ? asOf : try Instant(stored.release.serveAt, source: source, on: connection)
        let (history, excluded, resting) = try read(
            key, asOf, serveAt, ahead: isOverlay, served, source, on: connection)
        guard !history.rows.isEmpty else {
            return Answer(
                heading(facts)
                    + "\nno event of an item that the model knows up to \(facts.asOf): the list is that of popular "
                    + "items, less the user's exclusions", facts)
        }
        let request = CandidateMaker.request(at: serveAt.seconds, after: history)
        let maker = served.maker, items = served.artifact.vocabulary.items
        let list = try maker.lists([history], requests: [request], excluded: [excluded + resting], context)[0]
        let now = list.map { "\(items[Int($0.row)])" }
        facts.changedPlaces = zip(now, stored.items.map(\.item)).reduce(abs(now.count - stored.items.count)) {
            $0 + ($1.0 == $1.1 ? 0 : 1)
        }
        // Without the user's exclusions, so that what they drop is seen as well.
        let all = try maker.explain(history, request: request, excluded: [], context)
        facts.isMerged = all != nil
        let ranks = Dictionary(uniqueKeysWithValues: (all ?? []).enumerated().map { ($1.row, $0) })
        func explained(_ row: Int32) -> Facts.Item {
            let place = ranks[row]
            return Facts.Item(
                item: "\(items[Int(row)])", rank: list.firstIndex { Int32($0.row) == row }.map { $0 + 1 },
                rankBeforeRules: place.map { $0 + 1 },
                parts: place.map { place in
                    Dictionary(uniqueKeysWithValues: all![place].parts.map { ($0.key.label, $0.value) })
                } ?? [:])
        }
        if let item {
            facts.items = [
                try verdict(
                    on: item, source, served, history, request, (Set(excluded), Set(resting)), list, ranks.count,
                    explained)
            ]
        } else {
            facts.items = list.prefix(count).map { explained(Int32($0.row)) }
        }
        let titles = try source.titles(of: facts.items.map(\.item), on: connection)
        for i in facts.items.indices { facts.items[i].title = titles[facts.items[i].item] }
        facts.sessions = zip(history.sessions, maker.influence(of: history, request: request)).map {
            .init(
                startsAt: Instant(microseconds: $0.startsAt * 1_000_000).text, items: Int($0.items), weight: $1)
        }.sorted { ($0.weight, $0.startsAt) > ($1.weight, $1.startsAt) }
        facts.anchors = maker.anchors(of: history).map { "\(items[Int($0)])" }
        return Answer(text(facts, history), facts)
    }

    private func read(
        _ key: ExternalID, _ asOf: Instant, _ serveAt: Instant, ahead: Bool, _ served: ServedModel,
        _ source: EventSource, on connection: Connection
    ) throws -> (TokenHistory, excluded: [Int32], resting: [Int32]) {
        let end = ahead ? Instant(microseconds: asOf.microseconds + Int64(OverlayRefresh.clockSkew) * 1_000_000) : asOf
        let vocabulary = served.artifact.vocabulary
        var reader = HistoryReader(
            source, vocabulary: vocabulary, settings: served.history, asOf: end.text, now: end.microseconds)
        return try connection.transaction(.readOnlySnapshot, doing: "reading the events of a user") {
            var found = TokenHistory(), resting: [Int32] = []
            try reader.read(
                on: connection, users: .only([key]),
                restingSince: served.rules.restingSince(servedAt: serveAt.microseconds)
            ) { _, history, own in (found, resting) = (history, own) }
            let excluded = try ExclusionReader(source, vocabulary: vocabulary).forUsers([key], on: connection)[0]
            return (found, excluded, resting)
        }
    }

    private func verdict(
        on item: String, _ source: EventSource, _ served: ServedModel, _ history: TokenHistory,
        _ request: PackedBatch.Request, _ dropped: (excluded: Set<Int32>, resting: Set<Int32>), _ list: [Candidate],
        _ lookedAt: Int, _ explained: (Int32) -> Facts.Item
    ) throws -> Facts.Item {
        guard let key = source.itemType.parse(item), let row = served.artifact.vocabulary.row(of: key) else {
            return Facts.Item(
                item: item, parts: [:],
                verdict: "the model does not know it: it had no event up to the training; nearline train takes it in")
        }
        var found = explained(row)
        if let rank = found.rank {
            found.verdict = "place \(rank) of the list"
        } else if served.isDenied(row) {
            found.verdict = "dropped: nobody gets it (not available, or an exclusion without a user)"
        } else if dropped.excluded.contains(row) {
            found.verdict = "dropped: an exclusion of this user"
        } else if dropped.resting.contains(row) {
            found.verdict = "dropped: \(served.rules.whyResting)"
        } else if let cap = served.maker.cap, cap.isFull(list.map { Int32($0.row) }, for: row) {
            found.verdict = "dropped: the list has \(cap.most) of its category (category-cap)"
        } else if found.rankBeforeRules != nil {
            found.verdict = "not listed: the list ends at \(served.maker.kept)"
        } else {
            let rank = served.maker.modelRank(of: row, history, request: request) + 1
            found.verdict =
                "not listed: no source has it among its first; the model puts it at \(rank) of "
                + "\(served.artifact.vocabulary.count)"
        }
        if let before = found.rankBeforeRules {
            found.verdict! += "; rank \(before) of the \(lookedAt) items looked at, before rules"
        }
        return found
    }

    private func heading(_ facts: Facts) -> String {
        let sources = CandidateSource.allCases.compactMap { source in
            facts.sources[source.label].map { "\($0) \(source.label)" }
        }
        return
            "user \(facts.user): \(facts.listed) items (\(sources.joined(separator: ", "))), release \(facts.release), "
            + "\(facts.origin == "fallback" ? "the list for users without one of their own" : facts.origin == "overlay" ? "made since" : "as published")"
            + "\nmade by \(facts.model) from events up to \(facts.asOf)"
    }

    private func text(_ facts: Facts, _ history: TokenHistory) -> String {
        var parts = [heading(facts)]
        if facts.changedPlaces > 0 {
            parts[0] +=
                "\nevents, exclusions or the code have changed since: made now, \(facts.changedPlaces) places would differ"
        }
        if let verdict = facts.items.first?.verdict {
            let item = facts.items[0]
            parts.append("item \(item.item)\(item.title.map { " (\($0))" } ?? ""): \(verdict)")
        }
        if facts.items.contains(where: { !$0.parts.isEmpty }) {
            let sources: [CandidateSource] = [.repeat, .model, .transition, .popular]
            parts.append(
                table(
                    ["rank", "before rules", "item"] + sources.map(\.label) + ["title"],
                    facts.items.map { item in
                        [item.rank.map { "\($0)" } ?? "", item.rankBeforeRules.map { "\($0)" } ?? "", item.item]
                            + sources.map { String(format: "%.2f", item.parts[$0.label] ?? 0) } + [item.title ?? ""]
                    }) + "\nlog odds that each source adds over an item of which it knows nothing")
        } else if !facts.isMerged {
            parts.append("this model was trained without merging: the list is its own, by cosine")
        }
        parts.append(
            table(
                ["session", "items", "weight"],
                facts.sessions.prefix(count).map { [$0.startsAt, "\($0.items)", String(format: "%.4f", $0.weight)] })
                + "\nof \(history.sessions.count) sessions that the model reads: how far its vector of the user turns without each "
                + "(1 - cosine)")
        if !facts.anchors.isEmpty {
            parts.append("popular transitions that it reads beside them: " + facts.anchors.joined(separator: ", "))
        }
        return parts.joined(separator: "\n\n")
    }
}
