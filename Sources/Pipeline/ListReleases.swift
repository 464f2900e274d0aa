import Ledger
import Postgres
import ResultTables

/// `nearline releases`: which there are, which is served, how old and how large they are, and what the gates said.
package struct ListReleases {
    /// Also those whose tables were pruned.
    package var all: Bool

    package init(all: Bool) { self.all = all }

    private struct Facts: Encodable {
        var release: Int
        var state: String
        var date: String?
        var isHistory: Bool
        var publishedAt: String?
        var asOf: String
        var ageSeconds: Double
        var users: Int
        var items: Int
        var transitions: Int
        var bytes: Int
        var bytesPerUser: Int
        var gatesPassed: Int
        var gatesFailed: [String]
        var model: String
        var pinReason: String?
        var isPruned: Bool
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let catalogue = ReleaseCatalogue(connection)
        let facts = try catalogue.all(pruned: all).map { row in
            let bytes = try catalogue.bytes(of: row.release), gates = try catalogue.gates(of: row.release)
            return Facts(
                release: row.release, state: row.state, date: row.date?.description, isHistory: row.isHistory,
                publishedAt: row.publishedAt, asOf: row.asOf,
                ageSeconds: row.ageSeconds, users: row.users, items: row.items, transitions: row.transitions,
                bytes: bytes, bytesPerUser: row.users > 0 ? bytes / row.users : 0, gatesPassed: gates.passed,
                gatesFailed: gates.failed, model: row.model, pinReason: row.pinReason, isPruned: row.isPruned)
        }
        guard !facts.isEmpty else { return Answer("there is no release yet; run nearline precompute", facts) }
        let rows = facts.map { fact in
            [
                "\(fact.release)", stateText(fact), fact.date ?? "",
                ageText(fact.ageSeconds), "\(fact.users)", sizeText(fact.bytes), "\(fact.bytesPerUser)",
                gateText(fact), fact.model, fact.pinReason.map { "pinned: \($0)" } ?? "",
            ]
        }
        return Answer(
            table(["release", "state", "date", "events", "users", "size", "B/user", "gates", "model", ""], rows), facts)
    }

    private func stateText(_ fact: Facts) -> String {
        fact.state + (fact.isHistory ? ", history" : "") + (fact.isPruned && fact.state != "failed" ? ", pruned" : "")
    }

    private func gateText(_ fact: Facts) -> String {
        if !fact.gatesFailed.isEmpty { return "FAILED: " + fact.gatesFailed.joined(separator: ", ") }
        return fact.gatesPassed > 0 ? "\(fact.gatesPassed) passed" : ""
    }
}
