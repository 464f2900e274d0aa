import Testing

import Importing

@Suite struct ColumnMapTests {
    private func positions(_ header: [String], _ options: [String] = []) throws -> [LogicalColumn: Int] {
        try ColumnMap(parsing: options).positions(
            in: header, of: "events.csv", required: [.userID, .itemID, .timestamp], optional: [.scene, .category])
    }

    @Test(arguments: [
        ["user_id", "item_id", "timestamp"], ["UserId", "Product-ID", "Event Time"], ["uid", "sku", "occurred_at"],
        ["customer_id", "movie_id", "ts"],
    ])
    func usualHeadersNeedNoMapping(header: [String]) throws {
        #expect(try positions(header) == [.userID: 0, .itemID: 1, .timestamp: 2])
    }

    @Test func theBestAliasOfSeveralIsTaken() throws {
        #expect(try positions(["date", "user", "user_id", "item_id", "timestamp"])[.userID] == 2)
        #expect(try positions(["date", "user", "user_id", "item_id", "timestamp"])[.timestamp] == 4)
    }

    @Test func anExplicitHeaderWinsAndIsNobodyElsesAlias() throws {
        let header = ["who", "item_id", "timestamp", "user_id", "scene"]
        #expect(
            try positions(header, ["user_id=who", "category=scene"])
                == [.userID: 0, .itemID: 1, .timestamp: 2, .category: 4])
    }

    @Test func anEmptyMappingSaysThatThereIsNoSuchColumn() throws {
        let header = ["user_id", "item_id", "timestamp", "scene"]
        #expect(try positions(header)[.scene] == 3)
        #expect(try positions(header, ["scene="])[.scene] == nil)
        #expect(throws: ImportError.self) { try positions(header, ["user_id="]) }
    }

    @Test func aMissingColumnIsNamedWithWhatWasFoundAndHowToMapIt() throws {
        let error = #expect(throws: ImportError.self) { try positions(["klant", "item_id", "timestamp"]) }
        #expect(
            error?.description == "events.csv has no column for user_id (found klant, item_id, timestamp); "
                + "name it with --column user_id=NAME")
    }

    @Test func aMappedHeaderThatIsNotThereIsNamed() throws {
        let header = ["user_id", "item_id", "timestamp"]
        #expect(
            throws: ImportError.unknownMappedColumn(
                path: "events.csv", column: .category, name: "Genre", found: header, option: "--column")
        ) {
            try positions(header, ["category=Genre"])
        }
        // The items file's columns are no concern of an events file.
        #expect(try positions(header, ["title=Naam"]).count == 3)
    }

    @Test func aColumnFoundTwiceIsRefusedOnlyWhereItIsRead() throws {
        #expect(throws: ImportError.duplicateColumn(path: "events.csv", name: "user_id")) {
            try positions(["user_id", "item_id", "timestamp", "User ID"])
        }
        #expect(throws: ImportError.duplicateColumn(path: "events.csv", name: "x")) {
            try positions(["x", "x", "item_id", "timestamp"], ["user_id=x"])
        }
        #expect(try positions(["", "", "user_id", "item_id", "timestamp"]).count == 3)
    }

    @Test func aMappingThatCannotBeReadIsRefused() throws {
        #expect(throws: ImportError.malformedMapping("user_id")) { try ColumnMap(parsing: ["user_id"]) }
        #expect(throws: ImportError.malformedMapping("=x")) { try ColumnMap(parsing: ["=x"]) }
        #expect(throws: ImportError.unknownLogicalColumn("price")) { try ColumnMap(parsing: ["price=x"]) }
        #expect(throws: ImportError.columnMappedTwice(.scene)) { try ColumnMap(parsing: ["scene=x", "scene=y"]) }
        #expect(try ColumnMap(parsing: ["title=a=b"]) != ColumnMap(parsing: ["title=a"]))
    }
}
