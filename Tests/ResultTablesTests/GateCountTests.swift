import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

/// Numbers of rows and bytes: what is claimed, what is there, and what the current release has.
@Suite struct GateCountTests {
    @Test(arguments: [
        "DELETE FROM nearline.release_shard WHERE release = 2 AND shard = 0",
        "UPDATE nearline.release_shard SET users = users + 1 WHERE release = 2 AND shard = 1",
        "UPDATE nearline.release SET users = 41 WHERE release = 2",
        "UPDATE nearline.release SET items = 61 WHERE release = 2",
        "UPDATE nearline.release SET transitions = 7 WHERE release = 2",
        "INSERT INTO nearline.release_item VALUES (2, 60, 1, 0, 0)",
        "UPDATE nearline.release_item SET item_row = 4000 WHERE release = 2 AND item_row = 59",
        "UPDATE nearline.release_item SET item_row = -1 WHERE release = 2 AND item_row = 59",
        "DELETE FROM nearline.transition WHERE release = 2 AND key = 7",
    ])
    func claimingOtherRowsThanAreStoredFails(_ change: String) throws {
        let shop = try GateShop(), release = try GateRelease(seed: 2).build(on: shop.connection)
        #expect(release == 2)
        try shop.run(change)
        #expect(try shop.failing(release) == [.rows])
    }

    @Test func aListThatIsGoneFailsAndTheQueryShowsTheNumbers() throws {
        let shop = try GateShop(), release = try GateRelease(seed: 2).build(on: shop.connection)
        try shop.run("DELETE FROM nearline.candidate WHERE release = 2 AND user_id = \(key(.bigint, 3))")
        try shop.recount(release)
        #expect(try shop.failing(release) == [.rows])
        let finding = try shop.finding(.rows, release)
        #expect(finding.figure.hasPrefix("40 users stated, 40 booked, 39 stored; 60 items stated, 60 stored"))
        let row = try #require(try shop.shown(finding).first)
        #expect(try row.int("users_booked") == 40 && row.int("users_stored") == 39)
    }

    @Test(arguments: [(40, []), (39, [Gate.users])])
    func losingMoreThanAFifthOfTheUsersFails(_ users: Int, _ failing: [Gate]) throws {
        let shop = try GateShop(current: GateRelease(users: 0..<50))
        #expect(try shop.failing(GateRelease(users: 0..<users, seed: 2)) == failing)
    }

    @Test(arguments: [(40, []), (41, [Gate.users])])
    func moreThanTwiceTheUsersFail(_ users: Int, _ failing: [Gate]) throws {
        let shop = try GateShop(current: GateRelease(users: 0..<20))
        #expect(try shop.failing(GateRelease(users: 0..<users, seed: 2)) == failing)
    }

    @Test(arguments: [false, true]) func noUsersAtAllFailUnlessAskedFor(_ isAskedFor: Bool) throws {
        var shop = try GateShop(current: nil)
        if isAskedFor { shop.bounds.minUsers = 0 }
        #expect(try shop.failing(GateRelease(users: 0..<0)) == (isAskedFor ? [] : [.users]))
    }

    @Test(arguments: [(39, [Gate.users]), (40, [])])
    func fewerUsersThanAskedForFail(_ users: Int, _ failing: [Gate]) throws {
        var shop = try GateShop(current: nil)
        shop.bounds.minUsers = 40
        #expect(try shop.failing(GateRelease(users: 0..<users)) == failing)
    }

    @Test func anyNumberOfUsersMayFollowAnEmptyRelease() throws {
        let shop = try GateShop(current: GateRelease(users: 0..<0))
        #expect(try shop.failing(GateRelease(seed: 2)) == [])
    }

    @Test(arguments: [
        ("2 * x", []), ("2 * x + 1", [Gate.size]), ("(x + 1) / 2", []), ("x / 2 - 1", [.size]),
    ])
    func bytesPerUserMayChangeByAFactorOfTwo(_ before: String, _ failing: [Gate]) throws {
        let shop = try GateShop(), release = try GateRelease(seed: 2).build(on: shop.connection)
        let bytes = try shop.database.number("SELECT payload_bytes FROM nearline.release WHERE release = 2")
        try shop.run(
            """
            UPDATE nearline.release SET payload_bytes = \(before.replacing("x", with: "\(bytes)::bigint"))
            WHERE release = 1
            """)
        #expect(try shop.failing(release) == failing)
    }

    @Test func listsWantedLongerMayTakeMoreBytes() throws {
        let shop = try GateShop(), release = try GateRelease(seed: 2).build(on: shop.connection)
        try shop.run(
            "UPDATE nearline.release SET payload_bytes = payload_bytes / 5, candidates_per_user = 2 WHERE release = 1")
        #expect(try shop.failing(release) == [])
        try shop.run("UPDATE nearline.release SET candidates_per_user = 10 WHERE release = 1")
        #expect(try shop.failing(release) == [.size])
    }
}
