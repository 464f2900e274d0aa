import Domain
import Testing

import Importing

@Suite struct ItemFileTests {
    private func read(_ text: String, item: IDType = .bigint) throws -> (rows: [ItemRow], refusals: RefusalCounts) {
        try TemporaryFile.holding(text) { path in
            var file = try ItemFile(path: path, columns: ColumnMap(), itemType: item)
            var rows: [ItemRow] = []
            while let row = try file.next() { rows.append(row) }
            #expect(file.accepted == rows.count)
            return (rows, file.refusals)
        }
    }

    @Test func aRowIsDecodedWhole() throws {
        let text = "item_id,title,category,seller,available\n5,\"Lamp, 12\"\"\",lamps,North,no\n6,,,,\n"
        #expect(
            try read(text).rows == [
                ItemRow(item: .integer(5), category: "lamps", seller: "North", available: false, title: "Lamp, 12\""),
                ItemRow(item: .integer(6), category: nil, seller: nil, available: true, title: nil),
            ])
    }

    @Test func onlyTheKeyMustBeThere() throws {
        try TemporaryFile.holding("sku\nA1\n") { path in
            var file = try ItemFile(path: path, columns: ColumnMap(), itemType: .text)
            let bare = ItemRow(item: .text("A1"), category: nil, seller: nil, available: true, title: nil)
            #expect(try file.next() == bare)
            #expect(!file.hasCategory && !file.hasSeller && !file.hasTitle && !file.hasAvailable)
        }
    }

    @Test(arguments: [
        ("true", true), ("T", true), ("1", true), ("Yes", true), ("y", true), ("", true),
        ("false", false), ("F", false), ("0", false), ("NO", false), ("n", false),
    ])
    func availabilityIsReadAsPeopleWriteIt(text: String, expected: Bool) throws {
        #expect(try read("item,available\n1,\(text)\n").rows.map(\.available) == [expected])
    }

    @Test(arguments: [
        ("1", RefusalReason.wrongFieldCount), (",a,1", .missingItem), ("x,a,1", .badItem),
        ("1,a,maybe", .badAvailability),
        ("1,a\0,1", .invalidText), ("1,\"a\"b,1", .brokenQuote),
    ])
    func aBadRowIsRefusedForItsReason(row: String, reason: RefusalReason) throws {
        let found = try read("item,title,available\n\(row)\n2,b,1\n")
        #expect(found.refusals.samples.map(\.reason) == [reason])
        #expect(found.rows.map(\.item) == [.integer(2)])
    }
}
