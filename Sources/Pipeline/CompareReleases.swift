import Histories
import Postgres
import ResultTables

/// `nearline releases diff A B`: what changed for users, and for items.
package struct CompareReleases {
    package var before: Int
    package var after: Int
    package var named: Int

    package init(before: Int, after: Int, named: Int) {
        self.before = before
        self.after = after
        self.named = named
    }

    private struct Facts: Encodable {
        struct Item: Encodable {
            var item: String
            var title: String?
            var before: Double
            var after: Double
        }
        var before: Int
        var after: Int
        var usersInBoth: Int
        var usersGone: Int
        var usersNew: Int
        var identicalLists: Int
        var otherFirstItem: Int
        var meanOverlap: Double
        var overlapOfTheLowestTenth: Double
        var medianOverlap: Double
        var exposureShift: Double
        var gainers: [Item]
        var losers: [Item]
        var transitionKeysInBoth: Int
        var transitionOverlap: Double
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let catalogue = ReleaseCatalogue(connection)
        let found = try context.stage("comparing") {
            try ReleaseComparison(
                from: catalogue.release(before), to: catalogue.release(after), named: named, on: connection)
        }
        let source = try? context.source(on: connection)
        let titles = try source?.titles(of: (found.gainers + found.losers).map(\.item), on: connection) ?? [:]
        func items(_ changes: [ReleaseComparison.Exposure]) -> [Facts.Item] {
            changes.map { .init(item: $0.item, title: titles[$0.item], before: $0.before, after: $0.after) }
        }
        let facts = Facts(
            before: before, after: after, usersInBoth: found.usersInBoth, usersGone: found.usersGone,
            usersNew: found.usersNew, identicalLists: found.identicalLists, otherFirstItem: found.otherFirstItem,
            meanOverlap: found.meanOverlap, overlapOfTheLowestTenth: found.overlap(at: 0.1),
            medianOverlap: found.overlap(at: 0.5), exposureShift: found.exposureShift, gainers: items(found.gainers),
            losers: items(found.losers), transitionKeysInBoth: found.transitionKeysInBoth,
            transitionOverlap: found.transitionOverlap)
        return Answer(text(facts), facts)
    }

    private func text(_ facts: Facts) -> String {
        let users = max(facts.usersInBoth, 1)
        let rows = [
            ["users in both", "\(facts.usersInBoth)"], ["users gone", "\(facts.usersGone)"],
            ["users new", "\(facts.usersNew)"],
            ["lists unchanged", percentText(Double(facts.identicalLists) / Double(users))],
            ["another first item", percentText(Double(facts.otherFirstItem) / Double(users))],
            ["items kept, mean", percentText(facts.meanOverlap)],
            ["items kept, median list", percentText(facts.medianOverlap)],
            ["items kept, lowest tenth", "\(percentText(facts.overlapOfTheLowestTenth)) at most"],
            ["exposure that moved", percentText(facts.exposureShift)],
            ["transition keys in both", "\(facts.transitionKeysInBoth)"],
            ["top-5 successors kept (IoU)", percentText(facts.transitionOverlap)],
        ]
        let changes = facts.gainers + facts.losers
        let moved = changes.map { [$0.item, share($0.before), share($0.after), $0.title ?? ""] }
        return "from release \(facts.before) to \(facts.after):\n" + table(["", "figure"], rows)
            + (changes.isEmpty
                ? ""
                : "\n\nitems whose share of all places changed most:\n"
                    + table(["item", "before", "after", "title"], moved))
    }

    private func share(_ share: Double) -> String { "\((share * 100_000).rounded() / 1000) %" }
}
