import Domain
import Testing

import Importing

@Suite struct EventFileTests {
    /// 2026-01-01T00:00:00Z
    private static let now: Int64 = 1_767_225_600_000_000
    private static let header = "user_id,item_id,session_id,timestamp,action,category,scene\n"

    private func read(
        _ bytes: some Sequence<UInt8>, user: IDType = .bigint, item: IDType = .bigint, columns: ColumnMap = ColumnMap()
    ) throws -> (rows: [EventRow], refusals: RefusalCounts) {
        try TemporaryFile.holding(bytes) { path in
            var file = try EventFile(
                path: path, columns: columns, userType: user, itemType: item, now: EventFileTests.now)
            var rows: [EventRow] = []
            while let row = try file.next() { rows.append(row) }
            #expect(file.accepted == rows.count)
            return (rows, file.refusals)
        }
    }

    private func reasons(of row: String, user: IDType = .bigint, item: IDType = .bigint) throws -> [RefusalReason] {
        try read((EventFileTests.header + row + "\n").utf8, user: user, item: item).refusals.samples.map(\.reason)
    }

    @Test func aRowIsDecodedWhole() throws {
        let row = "7, -8 ,s1,2026-01-01T00:00:00Z,Add_To_Cart,\"lamps, rugs\",mail\n"
        let expected = EventRow(
            user: .integer(7), item: .integer(-8), occurredAt: EventFileTests.now, action: "add_to_cart", session: "s1",
            scene: "mail", category: "lamps, rugs")
        #expect(try read((EventFileTests.header + row).utf8).rows == [expected])
    }

    @Test func emptyOptionalValuesAreNone() throws {
        let row = try #require(try read((EventFileTests.header + "7,8,,978300019,click, ,\n").utf8).rows.first)
        #expect(row.session == nil && row.category == nil && row.scene == nil)
    }

    @Test func aFileWithoutActionsHoldsClicks() throws {
        try TemporaryFile.holding("user,item,time\n1,2,978300019\n") { path in
            var events = try EventFile(
                path: path, columns: ColumnMap(), userType: .bigint, itemType: .bigint, now: EventFileTests.now)
            #expect(try events.next()?.action == "click")
            #expect(!events.hasAction && !events.hasSession && !events.hasScene && !events.hasCategory)
        }
    }

    @Test(arguments: [
        ("1,2,,978300019,click,", RefusalReason.wrongFieldCount), ("1,2,,978300019,click,,,", .wrongFieldCount),
        ("\"1\"x,2,,978300019,click,,", .brokenQuote), ("1,2,,978300019,click,,\"a", .brokenQuote),
        (",2,,978300019,click,,", .missingUser), ("  ,2,,978300019,click,,", .missingUser),
        ("1,,,978300019,click,,", .missingItem),
        ("x,2,,978300019,click,,", .badUser), ("9223372036854775808,2,,978300019,click,,", .badUser),
        ("1,2.5,,978300019,click,,", .badItem), ("1,-9223372036854775809,,978300019,click,,", .badItem),
        ("1,2,,,click,,", .badTime), ("1,2,,yesterday,click,,", .badTime), ("1,2,,2024-02-30,click,,", .badTime),
        ("1,2,,631151999,click,,", .beforeYear1990), ("1,2,,1989-12-31T23:59:59.999999Z,click,,", .beforeYear1990),
        ("1,2,,-1,click,,", .beforeYear1990), ("1,2,,1767225601,click,,", .inTheFuture),
        ("1,2,,2026-01-01T00:00:00.000001Z,click,,", .inTheFuture),
        ("1,2,,978300019,,,", .unknownAction), ("1,2,,978300019,clicks,,", .unknownAction),
        ("1,2,a\0b,978300019,click,,", .invalidText), ("1,2,,978300019,click,\0,", .invalidText),
        ("1,2,,978300019,click,,a\0", .invalidText),
    ])
    func aBadRowIsRefusedForItsReason(row: String, reason: RefusalReason) throws {
        #expect(try reasons(of: row) == [reason])
    }

    @Test(arguments: [
        "1,2,,978300019,click,,", "\"1\",2,,978300019,click,,\"a\"", "9223372036854775807,2,,978300019,click,,",
        "1,-9223372036854775808,,978300019,click,,", "1,2,,631152000,click,,", "1,2,,1990-01-01,click,,",
        "1,2,,1767225600,click,,", "1,2,,1767225600000,PURCHASE,,", "007,2,,978300019,rating,,",
    ])
    func aRowJustInsideEveryLimitIsTaken(row: String) throws {
        #expect(try reasons(of: row) == [])
    }

    @Test func integerKeysEndWhereTheTypeDoes() throws {
        #expect(try reasons(of: "2147483647,-2147483648,,978300019,click,,", user: .int, item: .int) == [])
        #expect(try reasons(of: "2147483648,1,,978300019,click,,", user: .int, item: .int) == [.badUser])
        #expect(try reasons(of: "1,-2147483649,,978300019,click,,", user: .int, item: .int) == [.badItem])
    }

    @Test func uuidKeysAreWholeOrRefused() throws {
        let uuid = "00112233-4455-6677-8899-aAbBcCdDeEfF"
        let rows = try read("user,item,time\n\(uuid),1,978300019\n".utf8, user: .uuid).rows
        #expect(rows.map(\.user) == [.uuid(UUIDKey(uuid)!)])
        for bad in [uuid.dropLast(), uuid + "0", "g" + uuid.dropFirst(), uuid.replacing("-", with: "0")]
            as [any StringProtocol]
        {
            #expect(try reasons(of: "\(bad),1,,978300019,click,,", user: .uuid) == [.badUser])
        }
    }

    @Test func textKeysAreUTF8UpToTheirLongest() throws {
        let longest = String(repeating: "k", count: KeyText.longestKey)
        #expect(try reasons(of: "\(longest),é,,978300019,click,,", user: .text, item: .text) == [])
        #expect(try reasons(of: "\(longest)k,é,,978300019,click,,", user: .text, item: .text) == [.badUser])
        #expect(try reasons(of: "u,\(longest)k,,978300019,click,,", user: .text, item: .text) == [.badItem])
        #expect(try reasons(of: "u\0,1,,978300019,click,,", user: .text, item: .text) == [.invalidText])
        let latin1 = Array("user,item,time\ncaf".utf8) + [0xE9] + Array(",1,978300019\n".utf8)
        #expect(try read(latin1, user: .text).refusals.samples.map(\.reason) == [.invalidText])
    }

    @Test func overlongLinesAreRefusedWithTheirBeginning() throws {
        let endless = String(repeating: "x", count: DelimitedReader.longestRecord + 1)
        let found = try read("user,item,time\n1,2,978300019\n\(endless)\n3,4,978300019\n".utf8)
        #expect(found.rows.map(\.user) == [.integer(1), .integer(3)])
        let text = String(repeating: "x", count: 200)
        #expect(found.refusals.samples == [Refusal(line: 3, reason: .overlongLine, text: text)])
    }

    @Test func refusalsAreCountedInFullAndSampledInPart() throws {
        var text = "user,item,time\n"
        for row in 0..<20 { text += row % 2 == 0 ? "x\(row),2,978300019\n" : "\(row),2,978300019\n" }
        let found = try read((text + "1,2\n").utf8)
        #expect(found.rows.count == 10)
        #expect(found.refusals.counts == [.badUser: 10, .wrongFieldCount: 1])
        #expect(found.refusals.total == 11)
        #expect(found.refusals.samples.map(\.line) == [2, 4, 6, 8, 10, 22])
        #expect(found.refusals.samples.map(\.text).first == "x0,2,978300019")
        #expect(found.refusals.samples.map(\.text).last == "1,2")
    }

    @Test func aSampleIsCleanTextCutBetweenCharacters() throws {
        let long = "x," + String(repeating: "a", count: 197) + "é,1"
        let dirty = Array("user,item,time\n\(long)\n\0,".utf8) + [0xFF] + Array(",1\r\n".utf8)
        let samples = try read(dirty, item: .text).refusals.samples
        #expect(samples.map(\.text) == ["x," + String(repeating: "a", count: 197), "\u{FFFD},\u{FFFD},1"])
    }

    @Test func gzipAndPlainGiveTheSameRows() throws {
        var text = EventFileTests.header
        for row in 0..<5000 { text += "\(row % 70),\(row * 7 % 501),s\(row / 9),\(978_300_019 + row),click,c,home\n" }
        let plain = try read(text.utf8)
        #expect(plain.rows.count == 5000)
        #expect(try read(Gzip.pack(Array(text.utf8))).rows == plain.rows)
    }

    @Test func aHeaderOnlyIsNoRowsAndNoError() throws {
        let found = try read("user_id,item_id,timestamp".utf8)
        #expect(found.rows.isEmpty && found.refusals.total == 0)
    }

    @Test func aFileWithoutAUserColumnIsRefused() throws {
        let error = #expect(throws: ImportError.self) { try read("name,item,time\n".utf8) }
        #expect(error?.description.hasSuffix("(found name, item, time); name it with --column user_id=NAME") == true)
        let columns = try ColumnMap(parsing: ["user_id=name"])
        #expect(try read("name,item,time\n1,2,978300019\n".utf8, columns: columns).rows.count == 1)
    }
}
