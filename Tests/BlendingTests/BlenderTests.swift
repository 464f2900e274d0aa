import Blending
import Domain
import Tensors
import Testing

/// Lists of several sources, merged by what was learned.
@Suite struct BlenderTests {
    private let shop = DrawnShop(seed: 3)

    private func lists(_ blender: Blender, _ requests: [BlendRequest]) -> [[Candidate]] {
        blender.lists(requests, queries: shop.queries.pointer)
    }

    private func weights(_ next: (Int) -> Set<Int32>) throws -> BlendWeights {
        let learned = shop.learned(next: next)
        return try #require(learned)
    }

    private func own(_ user: Int) -> Set<Int32> { Set(shop.histories[user].rows) }

    private func firstOfModel(_ user: Int) -> Set<Int32> {
        Set(shop.model(user, excluded: [], kept: 3).map { Int32($0.row) })
    }

    @Test func whoeverComesBackForTheSameItemsGetsTheirOwnFirst() throws {
        let blender = shop.blender(weights: try weights(own))
        for (user, list) in lists(blender, shop.requests(blender)).enumerated() {
            let had = own(user)
            #expect(list.count == 50 && Set(list.map(\.row)).count == 50)
            #expect(Set(list.prefix(had.count).map { Int32($0.row) }) == had)
            #expect(list.allSatisfy { ($0.source == .repeat) == had.contains(Int32($0.row)) })
        }
    }

    @Test func whoeverDoesWhatTheModelSaysGetsItsListFirst() throws {
        let blender = shop.blender(weights: try weights(firstOfModel))
        let found = lists(blender, shop.requests(blender)).enumerated().filter { user, list in
            Set(list.prefix(3).map { Int32($0.row) }) == firstOfModel(user)
        }
        #expect(found.count > shop.users * 3 / 4, "\(found.count) of \(shop.users)")
    }

    @Test func whatTheUserDidToAnItemCounts() throws {
        func inCart(_ user: Int) -> Set<Int32> { own(user).filter { DrawnShop.action(on: $0) == .cart } }
        let blender = shop.blender(weights: try weights(inCart))
        let found = lists(blender, shop.requests(blender)).enumerated().filter { user, list in
            Set(list.prefix(inCart(user).count).map { Int32($0.row) }) == inCart(user)
        }
        #expect(found.count > shop.users * 9 / 10, "\(found.count) of \(shop.users)")
    }

    @Test func scoresAreSharesThatNeverRise() throws {
        let blender = shop.blender(weights: try weights(own))
        for list in lists(blender, shop.requests(blender)) {
            #expect(zip(list, list.dropFirst()).allSatisfy { $0.score >= $1.score })
            #expect(list.allSatisfy { $0.score >= 0 } && list.reduce(0) { $0 + $1.score } <= 1.0001)
        }
    }

    @Test func whatIsExcludedIsInNoListAndNoListIsShorterForIt() throws {
        let denied: Set<Int32> = Set((0..<Int32(shop.items)).filter { $0 % 3 == 0 })
        // One's own items are what the weights like best.
        let excluded = shop.histories.map { Array(Set($0.rows)) + [Int32.max, -1] }
        let blender = shop.blender(weights: try weights(own), denied: denied)
        let all = lists(blender, shop.requests(blender, excluded: excluded, denied: denied))
        for (user, list) in all.enumerated() {
            let rows = Set(list.map { Int32($0.row) })
            #expect(rows.count == 50 && rows.isDisjoint(with: denied) && rows.isDisjoint(with: own(user)))
        }
    }

    @Test func theSameListsAndWeightsComeOutAtAnyNumberOfThreads() throws {
        let one = try #require(shop.learned(next: own)), three = try #require(shop.learned(next: own, threads: 3))
        #expect(one == three)
        let alone = shop.blender(weights: one), together = shop.blender(weights: one, threads: 3)
        let expected = lists(alone, shop.requests(alone))
        #expect(lists(together, shop.requests(together)) == expected)
        // Nor does a list depend on the users before it.
        let backwards = shop.requests(alone).reversed()
        let queries = FloatBuffer(shop.users * DrawnShop.width)
        for user in 0..<shop.users {
            (queries.pointer + user * DrawnShop.width).update(
                from: shop.queries.pointer + (shop.users - 1 - user) * DrawnShop.width, count: DrawnShop.width)
        }
        let turned = alone.lists(Array(backwards), queries: queries.pointer)
        #expect(turned.reversed() == expected)
    }

    /// The fast selection against sorting everything.
    @Test(arguments: [1, 7, 50, 400, 10_000])
    func aListIsTheBestOfItsPoolInOrder(kept: Int) throws {
        let denied: Set<Int32> = Set((0..<Int32(shop.items)).filter { $0 % 5 == 1 })
        let excluded = shop.histories.map { Array($0.rows.prefix(3)) }
        let blender = shop.blender(weights: try weights(own), denied: denied, kept: kept)
        let requests = shop.requests(blender, excluded: excluded, denied: denied)
        for (user, list) in lists(blender, requests).enumerated() {
            let query = shop.queries.pointer + user * DrawnShop.width
            let all = blender.explain(requests[user], query: query)
            #expect(zip(all, all.dropFirst()).allSatisfy { $0.score >= $1.score })
            #expect(list.map { Int32($0.row) } == all.filter(\.isAllowed).prefix(kept).map(\.row))
            let ofModel = Set(requests[user].model.map(\.row))
            #expect(list.allSatisfy { $0.source != .popular || !ofModel.contains($0.row) })
        }
    }

    @Test func nothingIsLearnedFromTooFewUsers() {
        #expect(shop.learned { user in user < BlendFit.fewestUsers - 1 ? own(user) : [] } == nil)
        #expect(shop.learned { user in user < BlendFit.fewestUsers ? own(user) : [] } != nil)
    }
}
