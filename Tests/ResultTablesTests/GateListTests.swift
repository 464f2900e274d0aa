import Domain
import Postgres
import ResultCodec
import ResultTables
import TestSupport
import Testing

/// Single lists: damage, repeats, length.
@Suite struct GateListTests {
    private let release = 2

    private func shop(_ next: GateRelease = GateRelease(seed: 2)) throws -> GateShop {
        let shop = try GateShop()
        #expect(try next.build(on: shop.connection) == release)
        return shop
    }

    @Test(arguments: [4, 11, 20, 30]) func oneFlippedBitInOneListFails(_ byte: Int) throws {
        let shop = try shop()
        var payload = try shop.payload(of: 17, release)
        payload[byte] ^= 4
        try shop.rewrite(17, release, bytes: payload)
        #expect(try shop.failing(release) == [.damaged])
        let finding = try shop.finding(.damaged, release)
        #expect(finding.figure.hasPrefix("1 of 40 lists cannot be read (the first: the payload "))
        let shown = try shop.shown(finding)
        #expect(try shown.map { try $0.string("list") } == ["user \(key(.bigint, 17))"])
        #expect(try shown.map { try $0.int("byte_count") } == [payload.count])
    }

    @Test(arguments: [(59, []), (60, [Gate.damaged])])
    func aListThatNamesARowBeyondTheDictionaryFails(_ row: Int, _ failing: [Gate]) throws {
        let shop = try shop()
        try shop.rewrite(17, release, GateRelease.list(rows: [row] + Array(0..<9), source: .model))
        #expect(try shop.failing(release) == failing)
    }

    @Test func aListWithAScoreThatIsNoNumberFails() throws {
        let shop = try shop(), rows = Array(UInt32(0)..<10)
        try shop.rewrite(17, release, bytes: handmadePayload(rows: rows))
        try shop.recount(release)
        #expect(try shop.failing(release) == [])
        try shop.rewrite(17, release, bytes: handmadePayload(rows: rows, first: 0xFC00))
        #expect(try shop.failing(release) == [.damaged])
    }

    @Test func aDamagedTransitionOrFallbackListFails() throws {
        let shop = try shop()
        try shop.run("UPDATE nearline.transition SET payload = substr(payload, 1, 20) WHERE release = 2 AND key = 5")
        #expect(try shop.failing(release) == [.damaged])
        #expect(try shop.shown(shop.finding(.damaged, release)).map { try $0.string("list") } == ["transition key 5"])
        let another = try self.shop()
        try another.run("UPDATE nearline.fallback SET payload = substr(payload, 1, 20) WHERE release = 2")
        #expect(try another.failing(release) == [.damaged])
        #expect(try another.shown(another.finding(.damaged, release)).map { try $0.string("list") } == ["fallback"])
    }

    @Test func aTransitionToAClusterThatIsNotThereFails() throws {
        let shop = try shop()
        try shop.run("DELETE FROM nearline.release_cluster WHERE release = 2 AND name = 'rugs'")
        #expect(try shop.failing(release).contains(.damaged))
    }

    @Test func aListWithAnItemTwiceFails() throws {
        let shop = try shop()
        for (rows, failing) in [
            ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], []), ([0, 1, 2, 3, 4, 5, 6, 7, 8, 3], [Gate.duplicates]),
        ] {
            try shop.rewrite(17, release, bytes: handmadePayload(rows: rows.map { UInt32($0) }))
            try shop.recount(release)
            #expect(try shop.failing(release) == failing)
        }
        let shown = try shop.shown(shop.finding(.duplicates, release))
        #expect(try shown.map { try $0.string("user_id") } == [key(.bigint, 17).description])
        #expect(try shown.map { try $0.string("item_id") } == [key(.bigint, 3).description])
        #expect(try shown.map { try $0.int("places") } == [2])
    }

    @Test(arguments: [(2, []), (3, [Gate.empty])]) func moreEmptyListsThanTheBoundFail(_ count: Int, _ failing: [Gate])
        throws
    {
        var shop = try shop()
        shop.bounds.maxEmptyShare = 0.05
        for user in 0..<count { try shop.rewrite(user, release, []) }
        #expect(try shop.failing(release) == failing)
        #expect(try shop.shown(shop.finding(.empty, release)).count == count)
    }

    @Test func withoutAFallbackListUnknownUsersWouldGetNothing() throws {
        let shop = try shop()
        try shop.run("DELETE FROM nearline.fallback WHERE release = 2")
        #expect(try shop.failing(release) == [.empty])
        var empty = GateRelease(seed: 3)
        empty.fallback = []
        #expect(try shop.failing(empty) == [.empty])
    }

    @Test func aUserWhoMayGetNothingHasAnEmptyListRightly() throws {
        var shop = try shop()
        shop.bounds.maxEmptyShare = 0
        try shop.rewrite(5, release, [])
        let user = key(.bigint, 5)
        func denied(_ items: Range<Int>) -> String {
            "SELECT \(user)::bigint AS user_id, \(Int64.max) - n AS item_id FROM generate_series(\(items.lowerBound), "
                + "\(items.upperBound - 1)) n"
        }
        shop.source.deniedPairs = denied(0..<60)
        #expect(try shop.failing(release) == [])
        shop.source.deniedPairs = denied(0..<59)
        #expect(try shop.failing(release) == [.empty])
    }

    @Test(arguments: [(2, []), (3, [Gate.short])]) func moreShortListsThanTheBoundFail(_ count: Int, _ failing: [Gate])
        throws
    {
        let shop = try shop()
        for user in 0..<count { try shop.rewrite(user, release, GateRelease.list(rows: 0..<9, source: .model)) }
        #expect(try shop.failing(release) == failing)
        let shown = try shop.shown(shop.finding(.short, release))
        #expect(try shown.map { try $0.int("candidates") } == Array(repeating: 9, count: count))
    }

    /// Of 60 items 48 are denied to everybody: 12 are left for 10 places, so two exclusions of one's own leave enough.
    @Test(arguments: [(3, []), (2, [Gate.short])])
    func aListMayBeShortWhereThereAreNotItemsEnough(_ own: Int, _ failing: [Gate]) throws {
        var shop = try GateShop(current: nil)
        var next = GateRelease(everyList: GateRelease.list(rows: 0..<10, source: .model))
        next.fallback = GateRelease.list(rows: 0..<10, source: .popular)
        let release = try next.build(on: shop.connection)
        try shop.rewrite(5, release, GateRelease.list(rows: 0..<9, source: .model))
        shop.bounds.maxShortShare = 0
        let key5 = key(.bigint, 5)
        shop.source = GateSource(
            deniedForEverybody: "SELECT \(Int64.max) - n AS item_id FROM generate_series(12, 59) n -- a comment",
            // One is denied to everybody, one is not in the dictionary, one stands there twice: none counts twice.
            deniedPairs: """
                SELECT \(key5)::bigint AS user_id, \(Int64.max) - n AS item_id
                FROM unnest(ARRAY[11, 10, 9, 11, 30, 500, NULL]) WITH ORDINALITY AS t (n, place)
                WHERE n IS DISTINCT FROM \(own == 3 ? -1 : 9)
                """)
        #expect(try shop.failing(release) == failing)
    }

    @Test(arguments: [(20, []), (21, [Gate.fallback])]) func tooManyListsOfPopularItemsOnlyFail(
        _ count: Int, _ failing: [Gate]
    ) throws {
        var next = GateRelease(seed: 2)
        for user in 0..<count { for place in 0..<10 { next.lists[user].list[place].source = .popular } }
        // One personal place is enough.
        for user in count..<40 { for place in 0..<9 { next.lists[user].list[place].source = .popular } }
        #expect(try shop(next).failing(release) == failing)
    }
}
