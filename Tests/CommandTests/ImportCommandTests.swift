import Foundation
import Testing

/// `nearline import` as a first-time user meets it.
@Suite struct ImportCommandTests {
    @Test func missingFileIsMissingInput() throws {
        let shop = try Shop.published()
        try shop.refuse("import", "nowhere.csv", code: 66, saying: ["nowhere.csv does not exist"])
        try shop.refuse("import", "events.csv", "nowhere.csv", "--into", "b", code: 66, saying: ["nowhere.csv"])
        #expect(try shop.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'b'") == 0)
    }

    @Test func wrongHeaderNamesTheMissingColumnAndTheOption() throws {
        let shop = try Shop.published()
        try shop.write("buyer,item_id,timestamp\n1,2,2025-01-01\n", to: "wrong.csv")
        try shop.refuse(
            "import", "wrong.csv", "--into", "b", code: 65,
            saying: ["user_id", "found buyer, item_id, timestamp", "--column user_id=NAME"])
        try shop.succeed("import", "wrong.csv", "--into", "b", "--column", "user_id=buyer")
        #expect(try shop.number("SELECT count(*) FROM b.events WHERE user_id = 1") == 1)
    }

    @Test func wrongHeaderOfTheItemsNamesTheOptionForItems() throws {
        let shop = try Shop.published()
        try shop.write("thing,title\n2,Socks\n", to: "wrong.csv")
        try shop.refuse(
            "import", "events.csv", "wrong.csv", "--into", "b", code: 65,
            saying: ["item_id", "--item-column item_id=NAME"])
    }

    @Test func exampleOfTheHelpWorks() throws {
        let shop = try Shop.published()
        try shop.write("customer,product,order_date\n1,2,2025-01-01\n", to: "orders.csv")
        let help = try shop.succeed("import", "--help")
        // As wide as a terminal: the example goes on on the next line.
        let words = try #require(help.firstRange(of: "Example: ").map { help[$0.upperBound...] })
            .prefix(upTo: "\n\n").split { $0 == " " || $0 == "\n" }.map(String.init)
        let options = Array(words.drop { $0 != "--column" })
        #expect(!options.isEmpty, "\(help)")
        let ended = try shop.commands.run(["import", "orders.csv", "--into", "b"] + options)
        #expect(ended.code == 0, "\(ended.errors)")
    }

    @Test func aFileOfDigitsFitsATableOfTextKeysButNotTheOtherWayRound() throws {
        let shop = try Shop.published()
        try shop.write("user_id,item_id,timestamp\n1,85123A,2025-01-01\n", to: "monday.csv")
        try shop.write("user_id,item_id,timestamp\n2,22423,2025-01-02\n", to: "tuesday.csv")
        try shop.succeed("import", "monday.csv", "--into", "b")
        try shop.succeed("import", "tuesday.csv", "--into", "b")
        #expect(try shop.texts("SELECT item_id AS text FROM b.events ORDER BY occurred_at") == ["85123A", "22423"])

        try shop.succeed("import", "tuesday.csv", "--into", "c")
        try shop.refuse(
            "import", "monday.csv", "--into", "c", code: 65,
            saying: ["c.events.item_id is bigint", "the file's keys are text", "--into"])
        #expect(try shop.number("SELECT count(*) FROM c.events") == 1)
    }

    @Test func aFileChangesOnlyTheColumnsOfItemsThatItHas() throws {
        let shop = try Shop.published()
        func item() throws -> String { try shop.text("SELECT (i.*)::text AS text FROM b.items i WHERE item_id = 7") }
        try shop.write("user_id,item_id,timestamp\n1,7,2025-01-01\n", to: "first.csv")
        try shop.write("item_id,title,category,seller,available\n7,Socks,wool,ann,false\n", to: "items.csv")
        try shop.succeed("import", "first.csv", "items.csv", "--into", "b")
        #expect(try item() == "(7,wool,ann,f,Socks)")
        try shop.write("user_id,item_id,timestamp,category\n1,7,2025-01-02,cotton\n", to: "second.csv")
        try shop.succeed("import", "second.csv", "--into", "b")
        #expect(try item() == "(7,cotton,ann,f,Socks)")
        try shop.write("user_id,item_id,timestamp\n1,7,2025-01-03\n", to: "third.csv")
        try shop.write("item_id,title\n7,Long socks\n", to: "titles.csv")
        try shop.succeed("import", "third.csv", "titles.csv", "--into", "b")
        #expect(try item() == "(7,cotton,ann,f,\"Long socks\")")
        try shop.write("user_id,item_id,timestamp\n1,7,2025-01-04\n", to: "fourth.csv")
        try shop.write("item_id\n7\n", to: "bare.csv")
        try shop.succeed("import", "fourth.csv", "bare.csv", "--into", "b")
        #expect(try item() == "(7,cotton,ann,f,\"Long socks\")")
    }

    @Test func emptyFilesAreRefused() throws {
        let shop = try Shop.published()
        try shop.write("", to: "empty.csv")
        try shop.refuse("import", "empty.csv", "--into", "b", code: 65, saying: ["empty.csv is empty"])
        try shop.write("user_id,item_id,timestamp\n", to: "bare.csv")
        let ended = try shop.commands.run(["import", "bare.csv", "--into", "b"])
        #expect(ended.code == 0 && ended.output.contains("0 events"), "no rows are no damage: \(ended.errors)")
    }

    @Test func badRowsAreCountedKeptAndLeftOut() throws {
        let shop = try Shop.published()
        try shop.write(Self.twoGoodThreeBad, to: "mixed.csv")
        let answer = try shop.succeed("import", "mixed.csv", "--into", "b", "--max-bad-rows", "3")
        #expect(answer.contains("2 events,") && answer.contains("2 events refused: bad_time"), "\(answer)")
        #expect(answer.contains("1 events refused: unknown_action"), "\(answer)")
        #expect(try shop.texts("SELECT user_id::text AS text FROM b.events ORDER BY 1") == ["1", "5"])
        #expect(
            try shop.texts("SELECT reason || ' ' || row_text AS text FROM nearline.quarantine ORDER BY 1") == [
                "bad_time line 3: 2,2,yesterday,click", "bad_time line 4: 3,2,,click",
                "unknown_action line 5: 4,2,2025-01-01,stare",
            ])
    }

    @Test func tooManyBadRowsImportNothing() throws {
        let shop = try Shop.published()
        try shop.write(Self.twoGoodThreeBad, to: "mixed.csv")
        try shop.refuse(
            "import", "mixed.csv", "--into", "b", "--max-bad-rows", "2", code: 65,
            saying: ["3 rows of mixed.csv", "line 3 bad_time", "--max-bad-rows allows 2"])
        #expect(try shop.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'b'") == 0)
        #expect(try shop.text("SELECT state AS text FROM nearline.run ORDER BY run DESC LIMIT 1") == "failed")
    }

    /// The rows that made an import fail are the ones that somebody wants to see.
    @Test func rowsThatFailedAnImportAreKept() throws {
        let shop = try Shop.published()
        try shop.write(Self.twoGoodThreeBad, to: "mixed.csv")
        try shop.refuse("import", "mixed.csv", "--into", "b", "--max-bad-rows", "2", code: 65, saying: [])
        #expect(try shop.number("SELECT count(*) FROM nearline.quarantine") == 3)
    }

    @Test func dryRunSaysWhatTheImportWouldSayOfTooManyBadRows() throws {
        let shop = try Shop.published()
        try shop.write(Self.twoGoodThreeBad, to: "mixed.csv")
        try shop.refuse(
            "import", "mixed.csv", "--into", "b", "--max-bad-rows", "2", "--dry-run", code: 65,
            saying: ["3 rows of mixed.csv", "--max-bad-rows allows 2"])
    }

    @Test func keysOfAnotherTypeThanTheTableIsRefused() throws {
        let shop = try Shop.published()
        try shop.write("user_id,item_id,timestamp\nanna,2,2025-01-01\n", to: "named.csv")
        try shop.refuse("import", "named.csv", code: 65, saying: ["shop.events.user_id is bigint", "text", "--into"])
    }

    @Test func sameFilesTwiceAreImportedOnce() throws {
        let shop = try Shop.published()
        let before = try shop.number("SELECT count(*) FROM shop.events")
        #expect(try shop.succeed("import", "events.csv", "items.csv").contains("nothing to do"))
        #expect(try shop.number("SELECT count(*) FROM shop.events") == before)
        try shop.succeed("import", "events.csv", "items.csv", "--again")
        #expect(try shop.number("SELECT count(*) FROM shop.events") == 2 * before)
    }

    /// The order in which a dictionary lists its keys differs from process to process.
    @Test func sameFileWithNamedColumnsTwiceIsImportedOnce() throws {
        let shop = try Shop.published()
        try shop.write("customer,product,order_date,kind\n1,2,2025-01-01,click\n", to: "orders.csv")
        var arguments = ["import", "orders.csv", "--into", "b"]
        for mapping in ["user_id=customer", "item_id=product", "timestamp=order_date", "action=kind"] {
            arguments += ["--column", mapping]
        }
        for _ in 0..<4 { #expect(try shop.commands.run(arguments).code == 0) }
        #expect(try shop.number("SELECT count(*) FROM b.events") == 1)
    }

    private static let twoGoodThreeBad = """
        user_id,item_id,timestamp,action
        1,2,2025-01-01,click
        2,2,yesterday,click
        3,2,,click
        4,2,2025-01-01,stare
        5,2,2025-01-01,purchase

        """
}

extension Substring {
    /// What stands before `end`; all of it where that is not there.
    fileprivate func prefix(upTo end: String) -> Substring {
        firstRange(of: end).map { self[..<$0.lowerBound] } ?? self
    }
}
