import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

/// What a check does as a whole: who passes, what is kept, what is said.
@Suite struct GateTests {
    @Test func aReleaseLikeTheCurrentOnePassesEveryGate() throws {
        let shop = try GateShop()
        var next = GateRelease(seed: 2)
        next.asOf = "2025-01-02Z"
        let release = try next.build(on: shop.connection)
        #expect(try shop.failing(release) == [])
        #expect(try ReleaseCatalogue(shop.connection).current()?.release == 1)
        #expect(try shop.database.state(of: release) == "validated")
    }

    @Test func theFirstReleasePassesWithoutOneToCompareWith() throws {
        let shop = try GateShop(current: nil), release = try GateRelease().build(on: shop.connection)
        #expect(try shop.failing(release) == [])
        #expect(try shop.database.number("SELECT count(*) FROM nearline.current_release") == 0)
    }

    @Test(arguments: IDType.allCases, IDType.allCases)
    func keysOfAllTypesAreChecked(_ users: IDType, _ items: IDType) throws {
        var current = GateRelease(seed: 1), next = GateRelease(seed: 2)
        current.types = (users, items)
        next.types = current.types
        next.asOf = "2025-01-02Z"
        var shop = try GateShop(current: current)
        let release = try next.build(on: shop.connection)
        func literal(_ type: IDType, _ number: Int) -> String {
            "\(Quote.literal(key(type, number).description))::\(type.rawValue)"
        }
        let listed = Int(next.lists[7].list[3].row)
        shop.source = GateSource(
            deniedForEverybody: "SELECT \(literal(items, 59)) AS item_id",
            deniedPairs: "SELECT \(literal(users, 7)) AS user_id, \(literal(items, 59)) AS item_id")
        #expect(try shop.failing(release) == [])
        shop.source.deniedPairs = "SELECT \(literal(users, 7)) AS user_id, \(literal(items, listed)) AS item_id"
        #expect(try shop.failing(release) == [.excluded])
        let sample = try CanarySample.draw(release: release, users: 5, keys: 1, on: shop.connection)
        #expect(sample.users.count == 5 && sample.unknownUser != nil)
    }

    @Test func aSecondCheckReplacesTheFindingsOfTheFirst() throws {
        let shop = try GateShop(), release = try GateRelease(seed: 2).build(on: shop.connection)
        try shop.run("UPDATE nearline.release SET users = 41 WHERE release = \(release)")
        #expect(try shop.failing(release) == [.rows])
        try shop.run(
            """
            UPDATE nearline.release SET users = 40 WHERE release = \(release);
            INSERT INTO nearline.release_gate (release, gate, passed, figure, bound, query)
            VALUES (\(release), 'of an older nearline', false, '', '', ''), (1, 'of another release', true, '', '', '')
            """)
        #expect(try shop.failing(release) == [])
        #expect(try shop.database.number("SELECT count(*) FROM nearline.release_gate WHERE release = 1") == 1)
    }

    @Test func onlyAWholeReleaseThatIsNotCurrentIsChecked() throws {
        let shop = try GateShop()
        let building = try shop.connection.writer(DrawnRelease()).release
        let pruned = try GateRelease().build(on: shop.connection)
        try shop.run("UPDATE nearline.release SET pruned_at = now() WHERE release = \(pruned)")
        let gates = ReleaseGates(GateBounds(), source: GateSource(), on: shop.connection)
        #expect(thrown(ReleaseError.self) { _ = try gates.check(1) } == .notBuilt(release: 1, state: "current"))
        #expect(
            thrown(ReleaseError.self) { _ = try gates.check(building) }
                == .notBuilt(release: building, state: "building"))
        #expect(thrown(ReleaseError.self) { _ = try gates.check(pruned) } == .pruned(release: pruned))
        #expect(thrown(ReleaseError.self) { _ = try gates.check(99) } == .unknown(release: 99))
        #expect(try shop.database.number("SELECT count(*) FROM nearline.release_gate") == 0)
    }

    @Test func aReleaseThatWasServedBeforeIsCheckedToo() throws {
        let shop = try GateShop()
        var next = GateRelease(seed: 2)
        next.asOf = "2025-01-02Z"
        try ReleaseSwitch(shop.connection).publish(try next.build(on: shop.connection))
        // What the near-line path wrote since is no list of the release.
        try shop.run(
            "INSERT INTO nearline.overlay SELECT user_id, 1, payload, now() FROM nearline.fallback, "
                + "(SELECT user_id FROM nearline.candidate WHERE release = 1 LIMIT 15) u WHERE release = 1")
        #expect(try shop.failing(1) == [])
        let sample = try CanarySample.draw(release: 1, users: 32, keys: 8, on: shop.connection)
        #expect(sample.users.count == 25)
    }

    @Test func aRefusalSaysFigureBoundQueryAndWhatToDo() throws {
        let shop = try GateShop(), release = try GateRelease(users: 0..<20, seed: 2).build(on: shop.connection)
        let findings = try shop.check(release)
        let refusal = try #require(GateRefusal(release: release, findings: findings))
        let lines = refusal.description.split(separator: "\n").map(String.init)
        #expect(lines.count == 3)
        #expect(lines[0].contains("release 2 does not pass 1 of 14 gates"))
        #expect(
            lines[1].contains("users: 20 users, 50.0 % fewer than release 1; bound: at least 1; at most 20.0 % fewer"))
        #expect(lines[1].contains("see: SELECT release, state, users FROM nearline.release WHERE release IN (1, 2)"))
        #expect(lines[2].contains("precompute again") && lines[2].contains("nearline publish 2 --force --reason"))
        #expect(GateRefusal(release: release, findings: findings.filter(\.passed)) == nil)
    }
}
