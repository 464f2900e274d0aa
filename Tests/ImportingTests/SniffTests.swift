import Domain
import Testing

import Importing

@Suite struct SniffTests {
    private func types(_ rows: String) throws -> [IDType] {
        let types = try TemporaryFile.holding("user,item,time\n" + rows) { path in
            try EventFile.sniff(path: path, columns: ColumnMap())
        }
        return [types.user, types.item]
    }

    private static let uuid = "00112233-4455-6677-8899-aabbccddeeff"

    @Test func keysAreOfTheNarrowestTypeThatFitsThemAll() throws {
        #expect(
            try types("1,\(SniffTests.uuid),0\n-9223372036854775808,\(SniffTests.uuid.uppercased()),0\n") == [
                .bigint, .uuid,
            ])
        #expect(try types("1,\(SniffTests.uuid),0\n\(SniffTests.uuid),1,0\n") == [.text, .text])
        #expect(try types("85123A,9223372036854775808,0\n") == [.text, .text])
        #expect(try types("0,9223372036854775807,0\n") == [.bigint, .bigint])
    }

    @Test(arguments: ["007", "+7", "-0", "00"])
    func numbersThatWouldBeRespelledMakeTheColumnText(key: String) throws {
        #expect(try types("\(key),7,0\n") == [.text, .bigint])
    }

    @Test func emptyKeysAndBrokenRowsDoNotCount() throws {
        #expect(try types(",1,0\n2,,0\nx,y\n\"z\"z,1,0\n") == [.bigint, .bigint])
        #expect(try types("") == [.bigint, .bigint])
    }

    @Test func aPipeIsLeftUnreadAndCountsAsText() throws {
        let types = try EventFile.sniff(path: "-", columns: ColumnMap())
        #expect(types.user == .text && types.item == .text)
        #expect(try ItemFile.sniff(path: "/dev/null", columns: ColumnMap()) == .text)
    }

    @Test func anUnreadableFileCannotBeSniffed() throws {
        #expect(throws: ImportError.missingFile(path: "/nowhere")) {
            try EventFile.sniff(path: "/nowhere", columns: ColumnMap())
        }
        #expect(throws: ImportError.self) {
            try TemporaryFile.holding("a,b\n") { try EventFile.sniff(path: $0, columns: ColumnMap()) }
        }
    }

    @Test func itemsAreSniffedToo() throws {
        func type(_ text: String) throws -> IDType {
            try TemporaryFile.holding(text) { try ItemFile.sniff(path: $0, columns: ColumnMap()) }
        }
        #expect(try type("sku\n1\n2\n") == .bigint)
        #expect(try type("sku\n1\nB2\n") == .text)
    }
}
