import Foundation
import Testing

/// What `nearline evaluate` says, and what it must not know.
@Suite struct EvaluateTests {
    /// Ten days before the end of the shop: many users have sessions on both sides.
    private static let cut = "2025-12-22T00:00:00Z"
    /// So many that some have come back before the cut, to learn from how to merge lists.
    private static let users = 200
    private static let ours = ["merged", "model"]
    private static let simple = [
        "popular", "own frequency", "item-item, users", "item-item, sessions", "EASE", "TIFU-KNN",
    ]

    private struct Report: Decodable {
        struct Figure: Decodable {
            var mean: Double
            var low: Double?
            var high: Double?
            var method: String?
        }
        struct Method: Decodable {
            var method: String
            var whole: [String: FigureOrCount]
            var novel: [String: FigureOrCount]
            var classes: [String: [String: Double]]
            var scenes: [String: [String: Double]]
            var overBestSimpleMethod: [String: [String: Figure]]?
        }
        enum FigureOrCount: Decodable {
            case count(Int)
            case figure(Figure)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let count = try? container.decode(Int.self) {
                    self = .count(count)
                } else {
                    self = .figure(try container.decode(Figure.self))
                }
            }

            var figure: Figure? {
                if case .figure(let figure) = self { figure } else { nil }
            }
            var count: Int? {
                if case .count(let count) = self { count } else { nil }
            }
        }
        var users: Int
        var model: String?
        var split: String
        var truth: String
        var methods: [Method]
    }

    private func report(_ shop: Shop, _ arguments: String...) throws -> Report {
        let ended = try shop.commands.run(["evaluate", "--json"] + arguments)
        try #require(ended.code == 0, "\(arguments): \(ended.errors)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Report.self, from: Data(ended.output.utf8))
    }

    @Test func everyMethodStandsInOneTableWithItsIntervals() throws {
        let shop = try Shop.imported(users: Self.users)
        try shop.succeed("train", "--as-of", Self.cut)
        let found = try report(shop, "--as-of", Self.cut, "--k", "5,20", "--resamples", "100")
        #expect(found.methods.map(\.method) == Self.ours + Self.simple)
        #expect(found.users > 20 && found.model != nil && found.split == "time")
        for method in found.methods {
            for name in ["HR@5", "Recall@20", "NDCG@5", "MRR@20"] {
                let figure = try #require(method.whole[name]?.figure, "\(name)")
                let low = try #require(figure.low), high = try #require(figure.high)
                #expect(low <= figure.mean && figure.mean <= high && high <= 1, "\(method.method) \(name)")
            }
            #expect(method.whole["users"]?.count == found.users)
            #expect(method.classes.values.reduce(0) { $0 + ($1["users"] ?? 0) } == Double(found.users))
            #expect(method.scenes.values.reduce(0) { $0 + ($1["users"] ?? 0) } == Double(found.users))
        }
        let recall = found.methods.map { $0.whole["Recall@20"]!.figure!.mean }
        for (place, method) in found.methods.enumerated() {
            let over = method.overBestSimpleMethod?["whole"]?["Recall@20"]
            #expect((over != nil) == (place < Self.ours.count))
            if let over { #expect(abs(over.mean - (recall[place] - recall[Self.ours.count...].max()!)) < 1e-12) }
        }
        let text = try shop.succeed("evaluate", "--as-of", Self.cut)
        for method in Self.ours + Self.simple {
            let lines = text.split(separator: "\n").filter { $0.hasPrefix(method) }
            #expect(lines.count >= 6, "\(method): \(lines)")
        }
        // The lists are made for 20 candidates a user; the figures at 100 still have 100 to look at.
        #expect(text.contains("Recall@100") && text.contains("novel items") && text.contains("items making 95 %"))
    }

    @Test func withoutAModelTheSimpleMethodsAreCompared() throws {
        let shop = try Shop.imported()
        let found = try report(shop, "--as-of", Self.cut, "--without-model", "--ease-items", "0", "--users", "7")
        #expect(found.model == nil && found.users == 7)
        #expect(found.methods.map(\.method) == Self.simple.filter { $0 != "EASE" })
        let without = try shop.commands.run(["evaluate", "--as-of", Self.cut])
        #expect(without.code == 65 && without.errors.contains("there is no model"), "\(without.errors)")
        let unknown = try shop.commands.run(
            ["evaluate", "--as-of", Self.cut, "--without-model", "--export", "lists.csv", "--export-of", "luck"])
        #expect(unknown.code == 64 && unknown.errors.contains("TIFU-KNN"), "\(unknown.errors)")
    }

    @Test func purchasesMayBeJudgedAlone() throws {
        let shop = try Shop.imported(users: Self.users)
        let all = try report(shop, "--as-of", Self.cut, "--without-model", "--ease-items", "0")
        let bought = try report(
            shop, "--as-of", Self.cut, "--without-model", "--ease-items", "0", "--truth", "purchase")
        #expect(all.truth == "engaged" && bought.truth == "purchase" && 0 < bought.users && bought.users < all.users)
        let text = try shop.succeed(
            "evaluate", "--as-of", Self.cut, "--without-model", "--ease-items", "0", "--truth", "purchase")
        #expect(text.contains("its purchase items, \(bought.users) users"), "\(text.prefix(200))")
        let unknown = try shop.commands.run(["evaluate", "--as-of", Self.cut, "--truth", "luck"])
        #expect(unknown.code == 64 && unknown.errors.contains("'engaged'"), "\(unknown.errors)")
    }

    @Test(arguments: ["", "0", "10,", "10,x", "-1", "10001"]) func uselessLengthsAreRefused(_ k: String) throws {
        let shop = try Shop()
        let ended = try shop.commands.run(["evaluate", "--as-of", Self.cut, "--k=\(k)"])
        #expect(ended.code == 64 && ended.errors.contains("--k"), "\(ended.code): \(ended.errors)")
    }

    /// Whatever happens after the cut, nobody may know: neither the bytes of a model nor a single list.
    @Test func whatCameAfterTheCutChangesNeitherTrainingNorAnyList() throws {
        let shop = try Shop.imported(users: Self.users)
        func everything(_ run: String) throws -> (model: Data, lists: [String: [String: [String]]]) {
            try shop.succeed(
                "train", "--as-of", Self.cut, "--again", with: ["NEARLINE_MODELS": "\(shop.folder)/\(run)"])
            let model = try shop.modelFile(in: run)
            var lists: [String: [String: [String]]] = [:]
            for method in Self.ours + Self.simple {
                try shop.succeed(
                    "evaluate", "--as-of", Self.cut, "--model", model, "--export", "lists.csv", "--export-of", method,
                    "--resamples", "0")
                let text = String(decoding: try shop.bytes(of: "\(shop.folder)/lists.csv"), as: UTF8.self)
                for line in text.split(separator: "\n").dropFirst() {
                    let cells = line.split(separator: ",").map(String.init)
                    lists[method, default: [:]][cells[0], default: []].append(cells[2])
                }
            }
            return (try shop.bytes(of: model), lists)
        }
        let before = try everything("before")
        let events = "SELECT count(*) FROM shop.events WHERE occurred_at > '\(Self.cut)'"
        #expect(try shop.number(events) > 100)
        // Other items, times, users and actions, some that nobody has seen before, some gone.
        try shop.execute(
            """
            SELECT setseed(0.5);
            WITH later AS (
                SELECT ctid AS place, row_number() OVER (ORDER BY random()) AS n FROM shop.events
                WHERE occurred_at > '\(Self.cut)'
            ), mixed AS (
                SELECT item_id, user_id, row_number() OVER (ORDER BY random()) AS n FROM shop.events
                WHERE occurred_at > '\(Self.cut)'
            )
            UPDATE shop.events e SET item_id = CASE WHEN mixed.n % 7 = 0 THEN 900000 + mixed.n ELSE mixed.item_id END,
                user_id = mixed.user_id, occurred_at = occurred_at + mixed.n % 5 * interval '7 minutes',
                action = CASE WHEN mixed.n % 3 = 0 THEN 'purchase' ELSE action END
            FROM later JOIN mixed USING (n) WHERE e.ctid = later.place;
            DELETE FROM shop.events WHERE occurred_at > '\(Self.cut)' AND item_id % 11 = 0
            """)
        let after = try everything("after")
        #expect(after.model == before.model)
        for method in Self.ours + Self.simple {
            let old = try #require(before.lists[method]), new = try #require(after.lists[method])
            // Whose lists are judged depends on who came back.
            let both = Set(old.keys).intersection(new.keys)
            #expect(both.count > 15, "\(method)")
            for user in both { #expect(old[user] == new[user], "\(method)") }
        }
        // And it is not that nothing can change them: one event before the cut does.
        try shop.execute(
            """
            INSERT INTO shop.events (user_id, item_id, occurred_at, action)
            SELECT user_id, (SELECT max(item_id) FROM shop.events WHERE item_id < 900000), '2025-12-21 12:00Z', 'purchase'
            FROM (SELECT DISTINCT user_id FROM shop.events) u
            """)
        let other = try everything("other")
        #expect(other.model != before.model)
        for method in Self.ours + Self.simple { #expect(other.lists[method] != before.lists[method], "\(method)") }
    }

    @Test func leaveOneOutTakesAModelThatWasTrainedForItAndNoOther() throws {
        let shop = try Shop.imported()
        try shop.succeed("train", "--as-of", Shop.asOf)
        let refused = try shop.commands.run(["evaluate", "--as-of", Shop.asOf, "--leave-one-out"])
        #expect(refused.code == 65 && refused.errors.contains("--leave-one-out"), "\(refused.errors)")
        try shop.succeed(
            "train", "--as-of", Shop.asOf, "--leave-one-out", with: ["NEARLINE_MODELS": "\(shop.folder)/apart"])
        let found = try report(
            shop, "--as-of", Shop.asOf, "--leave-one-out", "--model", shop.modelFile(in: "apart"), "--resamples", "0")
        #expect(found.split == "leave-one-out" && found.methods.map(\.method) == ["model"] + Self.simple)
        // One item a user: recall is a hit.
        for method in found.methods {
            #expect(method.whole["Recall@10"]?.figure?.mean == method.whole["HR@10"]?.figure?.mean)
        }
        // And it is no model to serve.
        #expect(try shop.number("SELECT count(*) FROM nearline.model") == 1)
    }
}
