import Foundation
import Postgres
import Testing

/// What `nearline lookup` answers, and that SQL answers the same.
@Suite struct LookupTests {
    private struct Answer: Decodable {
        struct Item: Decodable {
            let rank: Int
            let item: String
            let source: String
        }
        let user: String
        let is_own: Bool
        let release: Int
        let items: [Item]
    }

    private func look(_ shop: Shop, _ user: String) throws -> Answer {
        let answer = try shop.succeed("lookup", "--count", "\(Shop.candidates)", "--json", "--", user)
        return try JSONDecoder().decode(Answer.self, from: Data(answer.utf8))
    }

    private func lookInSQL(_ shop: Shop, _ user: String) throws -> [String] {
        try shop.connection.execute(
            "SELECT item_id::text AS item FROM nearline.lookup($1) ORDER BY rank", [.text(user)], doing: "looking up"
        ).map { try $0.string("item") }
    }

    /// Odd on purpose: a comma, quotes, a backslash, a letter of two bytes.
    private static func key(_ id: Substring, _ type: String) -> String {
        type == "uuid"
            ? "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - id.count) + id
            : "O'Neil \\ \"ö\", \(id)"
    }

    /// Rewrites the given columns of a simulated file as keys of another type.
    private static func rewrite(_ name: String, _ types: [Int: String], in shop: Shop) throws {
        var lines: [String] = []
        let text = try String(contentsOfFile: "\(shop.folder)/\(name)", encoding: .utf8)
        for (number, line) in text.split(separator: "\n").enumerated() {
            var fields = line.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            for (column, type) in types where number > 0 {
                fields[column] = "\"" + key(fields[column][...], type).replacing("\"", with: "\"\"") + "\""
            }
            lines.append(fields.joined(separator: ","))
        }
        try shop.write(lines.joined(separator: "\n") + "\n", to: name)
    }

    @Test(arguments: ["text", "uuid"], ["text", "uuid"])
    func keysComeBackAsTheSourceSpellsThem(_ userType: String, _ itemType: String) throws {
        let shop = try Shop()
        try shop.succeed("migrate")
        try shop.simulate()
        try Self.rewrite("events.csv", [0: userType, 1: itemType], in: shop)
        try Self.rewrite("items.csv", [0: itemType], in: shop)
        try shop.succeed("import", "events.csv", "items.csv")
        let user = try shop.text("SELECT min(user_id::text) AS text FROM shop.events")
        try shop.succeed("train", "--as-of", Shop.asOf)
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        let banned = try #require(try look(shop, user).items.first?.item)
        try shop.connection.execute(
            "INSERT INTO shop.exclusions (item_id, user_id) VALUES ($1, $2)", [.text(banned), .text(user)],
            doing: "excluding an item")
        try shop.succeed("precompute", "--as-of", Shop.asOf)

        let answer = try look(shop, user)
        #expect(answer.is_own && answer.user == user)
        #expect(answer.items.count == Shop.candidates)
        let items = answer.items.map(\.item)
        #expect(try lookInSQL(shop, user) == items)
        #expect(Set(items).isSubset(of: Set(try shop.texts("SELECT item_id::text AS text FROM shop.items"))))
        #expect(!items.contains(banned))
        #expect(
            try shop.text(
                "SELECT format_type(atttypid, NULL) AS text FROM pg_attribute "
                    + "WHERE attrelid = 'nearline.candidate'::regclass AND attname = 'user_id'") == userType)
        let shown = try shop.succeed("lookup", "--history", "--", user)
        #expect(shown.contains("the list of user \(user), release 2"), "\(shown)")
        #expect(shown.contains(items[0]), "\(shown)")
    }

    @Test func unknownUserGetsThePopularListAndIsToldSo() throws {
        let shop = try Shop.published()
        let answer = try look(shop, "999999")
        #expect(!answer.is_own)
        #expect(answer.items.count == Shop.candidates && answer.items.allSatisfy { $0.source == "popular" })
        #expect(try lookInSQL(shop, "999999") == answer.items.map(\.item))
        let text = try shop.succeed("lookup", "999999")
        #expect(text.contains("user 999999 has no list; the popular one, release 1"), "\(text)")
    }

    @Test(arguments: ["abc", "1.5", "99999999999999999999", "1; DROP TABLE nearline.candidate"])
    func malformedKeyIsRefused(_ key: String) throws {
        let shop = try Shop.published()
        try shop.refuse("lookup", key, code: 65, saying: ["user '\(key)'", "bigint"])
    }

    @Test func lookupBeforeTheFirstReleaseSaysWhatToRun() throws {
        let shop = try Shop.imported()
        for arguments in [["lookup", "1"], ["lookup", "--any"], ["lookup", "--clusters", "shoes"], ["publish"]] {
            let ended = try shop.commands.run(arguments)
            #expect(ended.code == 66, "\(arguments): \(ended.errors)")
            #expect(ended.errors.contains("nothing is published yet; run nearline train"), "\(ended.errors)")
        }
        let ended = try shop.commands.run(["precompute"])
        #expect(ended.code == 65)
        #expect(ended.errors.contains("run: nearline train"), "\(ended.errors)")
    }

    @Test func aHundredThousandEventsOfOneUserAndASingleOneOfAnotherAreBothServed() throws {
        let shop = try Shop()
        try shop.succeed("migrate")
        try shop.simulate()
        var events = try String(contentsOfFile: "\(shop.folder)/events.csv", encoding: .utf8)
        let items = events.split(separator: "\n").dropFirst().prefix(200).map { $0.split(separator: ",")[1] }
        // Half an hour and a second apart, so each is a session; then one session that does not end.
        for i in 0..<50_000 { events += "77,\(items[i % 200]),77-\(i),\(1_670_000_000 + i * 1801),click,,\n" }
        for i in 0..<50_000 { events += "77,\(items[i % 200]),77-x,\(1_765_000_000 + i),click,,\n" }
        events += "78,\(items[0]),78-0,1765000000,click,,\n"
        try shop.write(events, to: "events.csv")
        try shop.succeed("import", "events.csv", "items.csv")
        try shop.succeed("train", "--as-of", Shop.asOf)
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        for user in ["77", "78"] {
            let answer = try look(shop, user)
            #expect(answer.is_own && answer.items.count == Shop.candidates)
            #expect(try lookInSQL(shop, user) == answer.items.map(\.item))
        }
        #expect(
            try shop.number("SELECT (counts->>'events')::int FROM nearline.run WHERE command = 'precompute'")
                == shop.number("SELECT count(*) FROM shop.events"))
    }

    @Test func clustersThatComeNextAreFoundByName() throws {
        let shop = try Shop.published()
        let names = try shop.texts(
            "SELECT name AS text FROM nearline.release_cluster WHERE items > 0 ORDER BY items DESC, name LIMIT 2")
        let answer = try shop.succeed("lookup", "--clusters", names.joined(separator: ","))
        #expect(answer.contains("after \(names[0]) -> \(names[1]) (key used: "), "\(answer)")
        try shop.refuse("lookup", "--clusters", "no such cluster", code: 65, saying: ["'no such cluster'", "cluster"])
    }
}
