import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

/// The next release beside the current one: lists, model, transitions.
@Suite struct GateChangeTests {
    /// A release whose lists share so many of ten items with those of the current one, which hold rows 0 to 9.
    private func next(sharing shared: Int) -> GateRelease {
        var next = GateRelease(everyList: GateRelease.list(rows: (10 - shared)..<(20 - shared), source: .model))
        next.asOf = "2025-01-02Z"
        return next
    }

    private func shop(_ bounds: (inout GateBounds) -> Void = { _ in }) throws -> GateShop {
        var shop = try GateShop(current: GateRelease(everyList: GateRelease.list(rows: 0..<10, source: .model)))
        bounds(&shop.bounds)
        return shop
    }

    @Test(arguments: [(4, [Gate.overlap]), (5, [])])
    func listsWithTooLittleInCommonFail(_ shared: Int, _ failing: [Gate]) throws {
        let shop = try shop { $0.minOverlap = 0.5 }
        let release = try next(sharing: shared).build(on: shop.connection)
        #expect(try shop.failing(release) == failing)
        let finding = try shop.finding(.overlap, release)
        #expect(finding.figure == "\(shared)0.0 % of a list in common with release 1, mean of 40 users")
        let row = try #require(try shop.shown(finding).first)
        #expect(try row.int("in_1") == 10 && row.int("in_2") == 10 && row.int("shared") == shared)
    }

    @Test(arguments: [(5, []), (6, [Gate.overlap])])
    func listsWithTooMuchInCommonFail(_ shared: Int, _ failing: [Gate]) throws {
        #expect(try shop { $0.maxOverlap = 0.5 }.failing(next(sharing: shared)) == failing)
    }

    @Test func theSameListsFromOtherEventsFailAndFromTheSamePass() throws {
        let shop = try shop()
        var same = next(sharing: 10)
        #expect(try shop.failing(same) == [.overlap])
        same.asOf = "2025-01-01Z"
        #expect(try shop.failing(same) == [])
        same.model = "m2"
        #expect(try shop.failing(same) == [.overlap])
    }

    @Test func itemsAreMatchedByKeyAndNotByRow() throws {
        let shop = try shop()
        var turned = next(sharing: 10)
        turned.items.reverse()
        turned.lists = turned.lists.map { ($0.user, GateRelease.list(rows: (50..<60), source: .model)) }
        let finding = try shop.finding(.overlap, try turned.build(on: shop.connection))
        #expect(!finding.passed && finding.figure.hasPrefix("100.0 % of a list in common"))
    }

    @Test func aLongerListSharesNoMoreThanItsLength() throws {
        var shop = try shop()
        shop.bounds.maxShortShare = 1
        var next = next(sharing: 10)
        next.lists = next.lists.map { ($0.user, Array($0.list.prefix(5))) }
        let finding = try shop.finding(.overlap, try next.build(on: shop.connection))
        #expect(finding.figure.hasPrefix("50.0 % of a list in common"))
    }

    @Test func withoutCommonUsersThereIsNothingToCompare() throws {
        let shop = try shop()
        var others = next(sharing: 0)
        others.lists = others.lists.map { ($0.user + 100, $0.list) }
        let release = try others.build(on: shop.connection)
        #expect(try shop.failing(release) == [])
        #expect(try shop.finding(.overlap, release).figure == "no user has a list in release 1 too")
    }

    @Test func theSampleIsTheSameEveryTimeAndNotLargerThanAskedFor() throws {
        let shop = try shop { $0.overlapUsers = 15 }
        var mixed = next(sharing: 5)
        for user in 0..<20 { mixed.lists[user].list = GateRelease.list(rows: 0..<10, source: .model) }
        let release = try mixed.build(on: shop.connection)
        let first = try shop.finding(.overlap, release).figure
        #expect(first.hasSuffix("mean of 15 users"))
        #expect(try shop.finding(.overlap, release).figure == first)
    }

    private func set(_ model: String, _ figures: String, _ shop: GateShop) throws {
        try shop.run("UPDATE nearline.model SET figures = '\(figures)' WHERE model = '\(model)'")
    }

    private func releaseOfAnotherModel(_ shop: GateShop) throws -> Int {
        var next = next(sharing: 5)
        next.model = "m2"
        return try next.build(on: shop.connection)
    }

    @Test(arguments: [(0.375, []), (0.374, [Gate.recall])])
    func aModelThatRanksMuchWorseThanTheCurrentOneFails(_ found: Double, _ failing: [Gate]) throws {
        let shop = try shop { $0.maxRecallDrop = 0.25 }, release = try releaseOfAnotherModel(shop)
        try set("m1", "{\"held_out_ndcg_at_100\": 0.5}", shop)
        try set("m2", "{\"held_out_ndcg_at_100\": \(found)}", shop)
        #expect(try shop.failing(release) == failing)
        let shown = try shop.shown(shop.finding(.recall, release))
        #expect(try shown.map { try $0.double("held_out") } == [0.5, found])
    }

    @Test(arguments: [(0.25, []), (0.249, [Gate.recall])])
    func aModelBelowTheFloorFails(_ found: Double, _ failing: [Gate]) throws {
        let shop = try shop { $0.minRecall = 0.25 }, release = try releaseOfAnotherModel(shop)
        try set("m2", "{\"held_out_ndcg_at_100\": \(found)}", shop)
        #expect(try shop.failing(release) == failing)
    }

    @Test(arguments: ["{}", "[]", "null", "{\"held_out_ndcg_at_100\": \"much\"}"])
    func aModelWithoutFiguresPassesAndThatIsSaid(_ figures: String) throws {
        let shop = try shop { $0.minRecall = 0.25 }, release = try releaseOfAnotherModel(shop)
        try set("m1", "{\"held_out_ndcg_at_100\": 0.5}", shop)
        try set("m2", figures, shop)
        #expect(try shop.failing(release) == [])
        #expect(try shop.finding(.recall, release).figure == "model m2 has no held-out figure")
    }

    @Test(arguments: [(4, []), (3, [Gate.transitions]), (0, [.transitions])])
    func losingMoreThanHalfOfTheTransitionKeysFails(_ kept: Int, _ failing: [Gate]) throws {
        let shop = try shop()
        var next = next(sharing: 5)
        next.transitions = Array(next.transitions.prefix(kept))
        let release = try next.build(on: shop.connection)
        #expect(try shop.failing(release) == failing)
        #expect(try shop.shown(shop.finding(.transitions, release)).count == 7)
    }

    /// Keys 0 to 3 lead to clusters 0 to 4 first, then to 5; three of five in common are 3/7 of all.
    @Test(arguments: [(0.428, []), (0.429, [Gate.transitions])])
    func transitionsWithTooLittleInCommonFail(_ bound: Double, _ failing: [Gate]) throws {
        let shop = try shop { $0.minTransitionOverlap = bound }
        var next = next(sharing: 5)
        let other = GateRelease.list(rows: [6, 7, 0, 1, 2, 3], source: .transition)
        next.transitions = (0..<4).map { (Int64($0), other) }
        #expect(try shop.failing(next) == failing)
    }

    @Test func clustersAreMatchedByNameAndNotByNumber() throws {
        let shop = try shop { $0.minTransitionOverlap = 1 }
        var next = next(sharing: 5)
        // Keys are 1 + the number of the one cluster; 0 is everybody's, and has none.
        next.clusters.reverse()
        next.transitions = next.transitions.map { key, list in
            (key == 0 ? 0 : 9 - key, list.map { Candidate(row: 7 - $0.row, score: $0.score, source: $0.source) })
        }
        #expect(try shop.failing(next) == [])
        next.clusters.swapAt(0, 7)
        #expect(try shop.failing(next) == [.transitions])
    }

    @Test func otherClustersOrNoneBeforeAreNothingToCompareWith() throws {
        let shop = try shop { $0.minTransitionOverlap = 1 }
        var next = next(sharing: 5)
        next.clusters = next.clusters.map { "group of \($0)" }
        next.transitions.removeFirst()
        #expect(try shop.failing(next) == [])
        var plain = GateRelease(seed: 3)
        plain.transitions = []
        let another = try GateShop(current: plain)
        #expect(try another.failing(self.next(sharing: 5)) == [])
        plain.asOf = "2025-01-03Z"
        plain.lists = GateRelease(seed: 4).lists
        #expect(try another.failing(plain) == [])
    }
}
