import Foundation
import Testing

/// What goes to standard output, and what to standard error.
@Suite struct AnswerTests {
    @Test func everyJSONAnswerIsOneObjectOrListOnOneLine() throws {
        let shop = try Shop.published()
        for arguments in [
            ["simulate", "again", "--users", "5"], ["migrate"], ["migrate", "--dry-run"], ["doctor"], ["config"],
            ["import", "events.csv", "items.csv"], ["import", "events.csv", "--dry-run"],
            ["train", "--as-of", Shop.asOf], ["train", "--as-of", "2025-12-25"],
            ["train", "--as-of", "2025-12-26", "--dry-run"], ["evaluate", "--as-of", "2025-12-25"],
            ["precompute", "--as-of", Shop.asOf], ["precompute", "--as-of", Shop.asOf, "--dry-run"],
            ["precompute", "--as-of", Shop.asOf, "--again", "--no-publish"], ["publish", "--dry-run"], ["publish"],
            ["publish"], ["lookup", "--any", "--history"], ["lookup", "999999"], ["lookup", "--any", "--transitions"],
            ["runs"],
        ] {
            let ended = try shop.commands.run(arguments + ["--json"])
            #expect(ended.code == 0, "\(arguments): \(ended.errors)")
            #expect(ended.output.split(separator: "\n").count == 1, "\(arguments): \(ended.output)")
            let parsed = try? JSONSerialization.jsonObject(with: Data(ended.output.utf8))
            #expect(parsed is [String: Any] || parsed is [Any], "\(arguments): \(ended.output)")
        }
    }

    @Test func standardOutputIsTheAnswerAndStandardErrorIsJSONLines() throws {
        let shop = try Shop.published()
        for arguments in [
            ["import", "events.csv", "items.csv", "--into", "b"], ["train", "--as-of", "2025-12-25"],
            ["precompute", "--as-of", Shop.asOf, "--again"],
        ] {
            let ended = try shop.commands.run(arguments)
            try #require(ended.code == 0, "\(ended.errors)")
            #expect(!ended.output.isEmpty && !ended.output.contains("{"), "\(arguments): \(ended.output)")
            let lines = ended.errors.split(separator: "\n")
            #expect(lines.count >= 3, "a line for each stage: \(ended.errors)")
            for line in lines {
                let facts = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
                #expect(facts?["level"] != nil && facts?["msg"] != nil && facts?["ts"] != nil, "\(line)")
            }
        }
    }

    @Test func failureIsOneLineThatNamesTheCommand() throws {
        let shop = try Shop()
        let ended = try shop.commands.run(["runs"])
        #expect(ended.errors.split(separator: "\n").count == 1, "\(ended.errors)")
        #expect(ended.errors.contains("nearline runs"))
        #expect(ended.output.isEmpty)
    }

    @Test func doctorFindsEverythingInOrderAndChangesNothing() throws {
        let shop = try Shop.published()
        let before = try shop.contents()
        let answer = try shop.succeed("doctor")
        #expect(!answer.contains("FAILS"), "\(answer)")
        #expect(try shop.contents() == before)
    }

    @Test func doctorAdvisesAnIndexWhereReadingWouldSortAndNoneWhereThereIsOne() throws {
        let shop = try Shop.published()
        try shop.execute(
            """
            DO $$ DECLARE i text; BEGIN
                FOR i IN SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'shop.events'::regclass AND NOT indisprimary
                LOOP EXECUTE 'DROP INDEX ' || i; END LOOP;
            END $$
            """)
        let advised = try shop.succeed("doctor")
        #expect(!advised.contains("FAILS"))
        let line = try #require(advised.split(separator: "\n").first { $0.hasPrefix("advice") }, "\(advised)")
        let statement = try #require(line.firstRange(of: "CREATE INDEX"))
        try shop.execute(String(line[statement.lowerBound...]))
        #expect(try !shop.succeed("doctor").contains("advice"))
    }

    @Test func doctorMakesNoFolder() throws {
        let shop = try Shop.published()
        _ = try shop.commands.run(["doctor", "--models", "\(shop.folder)/elsewhere"])
        #expect(!FileManager.default.fileExists(atPath: "\(shop.folder)/elsewhere"))
    }

    @Test func doctorEndsWithTheCodeOfTheFirstFailure() throws {
        let shop = try Shop.published()
        try shop.execute("DROP TABLE shop.events")
        let ended = try shop.commands.run(["doctor", "--json"])
        #expect(ended.code == 66, "\(ended.errors)")
        let checks = try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [[String: Any]] ?? []
        let failed = checks.filter { $0["is_fine"] as? Bool == false }
        #expect(failed.map { $0["check"] as? String } == ["source"], "\(ended.output)")
    }
}
