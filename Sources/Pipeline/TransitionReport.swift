import Postgres
import ResultTables

/// `nearline transitions --churn`: how fast what comes next changes, build by build.
package struct TransitionReport {
    /// Builds shown, newest first.
    package var count: Int

    package init(count: Int) { self.count = count }

    private struct Build: Encodable {
        var build: Int
        var release: Int
        var asOf: String
        var keys: Int
        var transitions: Int
        var refreshHours: Double?
        var churn: [Churn]
        /// Keys that a language model has said something about, and which one; nil where none was asked.
        var interests: Int?
        var interestModel: String?
    }

    private struct Churn: Encodable {
        var against: String
        var support: String
        var keys: Int
        var iou: Double
    }

    package func run(_ context: RunContext) throws -> Answer {
        let connection = try context.connectToSchema()
        let builds = try connection.execute(
            """
            SELECT build, release, to_char(as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS as_of, b.keys, transitions,
                refresh_hours, s.keys AS interests, s.model
            FROM nearline.transition_build b LEFT JOIN nearline.interest_set s USING (build)
            ORDER BY build DESC LIMIT $1::int
            """, [.int(Int64(count))], doing: "reading the builds of transitions"
        ).map { row in
            let build = try row.int("build")
            return Build(
                build: build, release: try row.int("release"), asOf: try row.string("as_of"),
                keys: try row.int("keys"), transitions: try row.int("transitions"),
                refreshHours: try row.optionalDouble("refresh_hours"), churn: try churn(of: build, on: connection),
                interests: try row.optionalInt("interests"), interestModel: try row.optionalString("model"))
        }
        guard !builds.isEmpty else { return Answer("there is no build yet; run nearline precompute", builds) }
        return Answer(text(builds), builds)
    }

    private func churn(of build: Int, on connection: Connection) throws -> [Churn] {
        try connection.execute(
            """
            SELECT against, support, keys, iou FROM nearline.transition_churn WHERE build = $1::int
            ORDER BY against <> '\(TransitionMaker.buildBefore)', length(against), against, support <> 'all',
                substring(support FROM '^[0-9]+')::int
            """, [.int(Int64(build))], doing: "reading the churn of build \(build)"
        ).map {
            Churn(
                against: try $0.string("against"), support: try $0.string("support"), keys: try $0.int("keys"),
                iou: try $0.double("iou"))
        }
    }

    private func text(_ builds: [Build]) -> String {
        var supports: [String] = []
        for churn in builds.flatMap(\.churn) where !supports.contains(churn.support) { supports.append(churn.support) }
        var rows: [[String]] = []
        for build in builds {
            let head = ["\(build.build)", "\(build.release)", build.asOf, "\(build.keys)"]
            var against: [String] = []
            for churn in build.churn where !against.contains(churn.against) { against.append(churn.against) }
            if against.isEmpty { rows.append(head + [""] + supports.map { _ in "" }) }
            for (place, name) in against.enumerated() {
                rows.append(
                    (place == 0 ? head : ["", "", "", ""]) + [name]
                        + supports.map { support in
                            build.churn.first { $0.against == name && $0.support == support }
                                .map { "\(($0.iou * 1000).rounded() / 1000) (\($0.keys))" } ?? ""
                        })
            }
        }
        var text = table(["build", "release", "events to", "keys", "against"] + supports, rows)
        text += "\nmean IoU of the first \(TransitionMaker.compared) successors (keys), by how often a key was seen"
        if let hours = builds[0].refreshHours { text += "; refresh every \(Self.every(hours))" }
        for build in builds {
            guard let count = build.interests, let model = build.interestModel else { continue }
            text += "\nbuild \(build.build): \(count) keys have an interest by \(model)"
        }
        return text
    }

    /// "6 hours", "3 days".
    static func every(_ hours: Double) -> String {
        hours < 48 ? "\(max(1, Int(hours.rounded()))) hours" : "\(Int((hours / 24).rounded())) days"
    }
}
