import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

/// What lists hold: what is excluded by now, and what the stored counts say.
@Suite struct GateContentTests {
    private static let user = "\(key(.bigint, 7))::bigint"
    private static let stranger = "12::bigint"

    private static func item(_ row: Int) -> String { "\(key(.bigint, row))::bigint" }

    /// Every list holds rows 0 to 9, the fallback list 5 to 14; row 14 stands in the fallback list only, 59 nowhere.
    private func shop(_ source: GateSource) throws -> GateShop {
        var shop = try GateShop(current: nil)
        shop.source = source
        _ = try GateRelease(everyList: GateRelease.list(rows: 0..<10, source: .model)).build(on: shop.connection)
        return shop
    }

    @Test(arguments: [(4, 40, [Gate.excluded]), (9, 41, [.excluded]), (14, 1, [.excluded]), (59, 0, [])])
    func anItemThatNobodyMayGetIsFoundInAnyList(_ row: Int, _ places: Int, _ failing: [Gate]) throws {
        let shop = try shop(GateSource(deniedForEverybody: "SELECT \(Self.item(row)) AS item_id UNION ALL SELECT NULL"))
        #expect(try shop.failing(1) == failing)
        let shown = try shop.shown(shop.finding(.excluded, 1))
        // Of the offending lists the first twenty are shown.
        #expect(shown.count == min(places, 20) + (places == 41 ? 1 : 0))
        #expect(try shown.allSatisfy { try $0.string("item_id") == key(.bigint, row).description })
    }

    @Test(arguments: [
        (user, 4, [Gate.excluded]), (user, 59, []), (user, 14, []), (stranger, 14, [.excluded]), (stranger, 4, []),
    ])
    func anItemThatOneUserMayNotGetIsFoundInTheListThatIsServed(_ user: String, _ row: Int, _ failing: [Gate]) throws {
        let shop = try shop(
            GateSource(
                deniedPairs: "SELECT \(user) AS user_id, \(Self.item(row)) AS item_id UNION ALL SELECT NULL, NULL"))
        #expect(try shop.failing(1) == failing)
        let shown = try shop.shown(shop.finding(.excluded, 1))
        #expect(shown.count == failing.count)
        #expect(try shown.allSatisfy { try user.hasPrefix($0.string("user_id") + ":") })
    }

    @Test func exclusionsOfBothKindsAreCheckedTogether() throws {
        let shop = try shop(
            GateSource(
                deniedForEverybody: "SELECT \(Self.item(59)) AS item_id",
                deniedPairs: "SELECT \(Self.user) AS user_id, \(Self.item(2)) AS item_id"))
        let finding = try shop.finding(.excluded, 1)
        #expect(!finding.passed && finding.figure == "1 of 40 lists hold an item that their user may not get")
        #expect(try shop.shown(finding).count == 1)
    }

    @Test func whatWasExcludedAfterTheReleaseWasBuiltCounts() throws {
        let shop = try shop(GateSource(deniedForEverybody: "SELECT item_id FROM gone"))
        try shop.run("CREATE TABLE gone (item_id bigint)")
        #expect(try shop.failing(1) == [])
        try shop.run("INSERT INTO gone VALUES (\(Self.item(3)))")
        #expect(try shop.failing(1) == [.excluded])
    }

    @Test(arguments: ["lists", "lists_top_10"], [(1, [Gate.exposure]), (0, []), (-1, [.exposure])])
    func storedCountsThatAreNotThoseOfTheListsFail(_ column: String, _ change: (Int, [Gate])) throws {
        let shop = try GateShop(), release = try GateRelease(seed: 2).build(on: shop.connection)
        try shop.run(
            "UPDATE nearline.release_item SET \(column) = \(column) + \(change.0) WHERE release = 2 AND item_row = 31")
        #expect(try shop.failing(release) == change.1)
        let shown = try shop.shown(shop.finding(.exposure, release))
        #expect(shown.count == change.1.count)
        let recounted = column == "lists" ? "recounted" : "recounted_top_10"
        #expect(try shown.allSatisfy { try $0.int(column) - $0.int(recounted) == change.0 })
    }

    @Test func theFirstTenPlacesAreCountedApart() throws {
        var shop = try GateShop(current: nil)
        shop.bounds.maxShortShare = 1
        var next = GateRelease(everyList: GateRelease.list(rows: 0..<14, source: .model))
        next.wanted = 14
        #expect(try shop.failing(next) == [])
        try shop.run("UPDATE nearline.release_item SET lists_top_10 = 40 WHERE item_row = 10")
        #expect(try shop.failing(1) == [.exposure])
    }
}
