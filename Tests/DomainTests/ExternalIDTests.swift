import Domain
import Testing

@Suite struct ExternalIDTests {
    @Test(arguments: [
        ("integer", IDType.int), ("bigint", .bigint), ("uuid", .uuid), ("text", .text), ("character varying", .text),
        ("character varying(20)", .text),
    ])
    func theKeyTypesOfPostgreSQLAreKnownByTheirNames(_ name: String, _ type: IDType) {
        #expect(IDType(postgresName: name) == type)
    }

    @Test(arguments: ["smallint", "numeric", "character", "bytea", "", "int", "integer[]"])
    func otherTypesAreNoKeys(_ name: String) { #expect(IDType(postgresName: name) == nil) }

    @Test func integersAreParsedToTheLimitsOfTheirType() {
        #expect(IDType.int.parse("-2147483648") == .integer(-2_147_483_648))
        #expect(IDType.int.parse("2147483647") == .integer(2_147_483_647))
        #expect(IDType.int.parse("2147483648") == nil && IDType.int.parse("-2147483649") == nil)
        #expect(IDType.bigint.parse("9223372036854775807") == .integer(.max))
        #expect(IDType.bigint.parse("9223372036854775808") == nil)
        for text in ["", " 1", "1.0", "1e3", "x", "١"] { #expect(IDType.bigint.parse(text) == nil, "'\(text)'") }
    }

    @Test func anyTextButTheEmptyOneAndOneWithAZeroByteIsAKey() {
        #expect(IDType.text.parse(" it's \"odd\" ") == .text(" it's \"odd\" "))
        #expect(IDType.text.parse("") == nil && IDType.text.parse("a\0b") == nil)
    }

    @Test(arguments: IDType.allCases)
    func theBinaryFormComesBack(_ type: IDType) {
        let keys: [ExternalID] =
            switch type {
            case .int: [-2_147_483_648, -1, 0, 2_147_483_647].map { .integer($0) }
            case .bigint: [.min, -1, 0, .max].map { .integer($0) }
            case .uuid: [UUIDKey(high: 0, low: 1), UUIDKey(high: .max, low: 0)].map { .uuid($0) }
            case .text: ["a", "é", "e\u{301}", "\u{1F600}"].map { .text($0) }
            }
        for key in keys {
            var bytes: [UInt8] = [9]
            key.appendBinary(to: &bytes, type: type)
            let back = bytes.withUnsafeBytes { ExternalID(binary: .init(rebasing: $0.dropFirst()), type: type) }
            #expect(back == key)
        }
    }

    @Test func theBinaryFormIsBigEndianAsPostgreSQLSendsIt() {
        func bytes(_ key: ExternalID, _ type: IDType) -> [UInt8] {
            var bytes: [UInt8] = []
            key.appendBinary(to: &bytes, type: type)
            return bytes
        }
        #expect(bytes(.integer(-2), .int) == [0xff, 0xff, 0xff, 0xfe])
        #expect(bytes(.integer(258), .bigint) == [0, 0, 0, 0, 0, 0, 1, 2])
        #expect(bytes(.uuid(UUIDKey("00112233-4455-6677-8899-aabbccddeeff")!), .uuid) == (0...15).map { $0 * 0x11 })
    }

    @Test func bytesOfAWrongLengthOrWithoutMeaningAreNoKey() {
        func read(_ bytes: [UInt8], _ type: IDType) -> ExternalID? {
            bytes.withUnsafeBytes { ExternalID(binary: $0, type: type) }
        }
        for (type, length) in [(IDType.int, 4), (.bigint, 8), (.uuid, 16)] {
            #expect(read(Array(repeating: 0, count: length), type) != nil)
            #expect(read(Array(repeating: 0, count: length - 1), type) == nil)
            #expect(read(Array(repeating: 0, count: length + 1), type) == nil)
        }
        #expect(read([0xff, 0xfe], .text) == nil)
    }

    @Test func textIsOrderedByItsBytes() {
        let keys = ["b", "B", "é", "z", "a", "Z", "\u{1F600}", "\u{FFFD}"].map { ExternalID.text($0) }
        let sorted = keys.sorted().map(\.description)
        #expect(sorted == ["B", "Z", "a", "b", "z", "é", "\u{FFFD}", "\u{1F600}"])
    }

    @Test func numbersAreOrderedByValueAndUuidsByBytes() {
        #expect([3, -1, 2].map { ExternalID.integer($0) }.sorted() == [-1, 2, 3].map { .integer($0) })
        #expect(ExternalID.uuid(UUIDKey(high: 1, low: .max)) < .uuid(UUIDKey(high: 2, low: 0)))
        #expect(ExternalID.uuid(UUIDKey(high: 1, low: 1)) < .uuid(UUIDKey(high: 1, low: 2)))
    }

    /// Swift takes a letter with its accent for equal to the one character; PostgreSQL does not, and has both as keys.
    @Test func textsThatLookAlikeButDifferInBytesAreTwoKeys() {
        let one = ExternalID.text("\u{e9}"), two = ExternalID.text("e\u{301}")
        #expect(one != two)
        #expect(Set([one, two]).count == 2)
        #expect((one < two) != (two < one))
    }

    @Test func theStableHashIsTheSameEverywhereAndForever() {
        #expect(ExternalID.integer(1).stableHash == 0xe171_ffc3_cc61_4e91)
        #expect(ExternalID.text("user 1").stableHash == 0x7fe5_c0e2_2dc3_91e1)
        #expect(ExternalID.uuid(UUIDKey(high: 1, low: 2)).stableHash == 0x8834_c0dc_c75f_8215)
    }

    @Test func theStableHashSpreadsUsersEvenlyOverTenBuckets() {
        var buckets = [Int](repeating: 0, count: 10)
        for user in 0..<10_000 as Range<Int64> { buckets[Int(ExternalID.integer(user).stableHash % 10)] += 1 }
        #expect(buckets.allSatisfy { (900...1100).contains($0) }, "\(buckets)")
    }
}
