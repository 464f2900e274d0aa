import Foundation
import Testing

/// What the files of `sql/queries` answer about lists and exposure, counted again here from the lists one by one.
@Suite struct QueryAnswersTests {
    private typealias Place = QueryFacts.Place

    @Test(
        arguments: QueryShop.Keys.allCases, [(5000, "own"), (5006, "overlay"), (9002, "overlay"), (9001, "fallback")])
    func listOfAUserIsTheOneThatAServiceGets(_ keys: QueryShop.Keys, _ user: (number: Int, origin: String)) throws {
        let shop = try QueryShop.with(keys), facts = try QueryFacts(shop)
        let key = try facts.key(user.number), titles = try facts.items("title")
        let list = try #require(try facts.served(also: [9001])[key])
        let answer = try QueryFile(name: "01_list_of_user.sql").run(on: shop, ["user": key, "count": "7"])
        #expect(answer.rows.map { $0["item_id"] } == list.prefix(7).map(\.item))
        #expect(answer.rows.map { $0["score"] } == list.prefix(7).map(\.score))
        #expect(answer.rows.map { $0["title"] } == list.prefix(7).map { titles[$0.item] })
        #expect(answer.rows.allSatisfy { $0["origin"] == user.origin && $0["release"] == "3" })
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func itemIsFoundInEveryListThatHoldsIt(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), facts = try QueryFacts(shop), served = try facts.served()
        let item = try #require(served[facts.key(5006)]?.last?.item)
        let expected = served.compactMapValues { list in list.first { $0.item == item }?.rank }
        let file = QueryFile(name: "02_who_gets_item.sql")
        let whole = try file.run(on: shop, ["item": item]).rows
        #expect(whole.count == expected.count)
        #expect(whole.allSatisfy { $0["rank"] == expected[$0["user_id"]].map(String.init) })
        #expect(whole.allSatisfy { $0["lists"] == "\(expected.count)" })
        #expect(whole.compactMap { Int($0["rank"]) } == expected.values.sorted())

        let common = try #require(try facts.exposure(Array(served.values)).max { $0.lists < $1.lists }?.item)
        let all = try file.run(on: shop, ["item": common]).rows, half = ["item": common, "share": "0.5"]
        let sample = try file.run(on: shop, half).rows
        #expect(sample.count > all.count / 5 && sample.count < all.count * 4 / 5)
        #expect(Set(sample.map { $0["user_id"] }).isSubset(of: all.map { $0["user_id"] }))
    }

    /// nearline.candidates says it in one statement; nearline.lookup user by user.
    @Test(arguments: QueryShop.Keys.allCases)
    func candidatesAreWhatEveryLookupAnswers(_ keys: QueryShop.Keys) throws {
        let facts = try QueryFacts(.with(keys))
        let rows = try facts.rows(
            "SELECT user_id::text AS u, rank, item_id::text AS i, score::text AS s, source FROM nearline.candidates")
        let found = try rows.map { try "\($0.string("u")) \($0.int("rank")) \($0.string("i")) \($0.string("s"))" }
        let served = try facts.served().flatMap { user, list in
            list.map { "\(user) \($0.rank) \($0.item) \($0.score)" }
        }
        #expect(found.count > 1000 && found.sorted() == served.sorted())
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func exposureOfACategoryIsThatOfItsItems(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), facts = try QueryFacts(shop), categories = try facts.items("category")
        let lists = try Array(facts.published(3).values), counted = try facts.exposure(lists)
        let top = Dictionary(uniqueKeysWithValues: try facts.exposure(lists.map { Array($0.prefix(10)) }))
        let byCategory = Dictionary(grouping: counted) { categories[$0.item] ?? "(none)" }
        let rows = try QueryFile(name: "03_exposure_by_category.sql").run(on: shop).rows
        #expect(rows.count == byCategory.count && rows.count > 3)
        let all = Double(counted.map(\.lists).reduce(0, +))
        for row in rows {
            let items = try #require(byCategory[row["category"]])
            let places = items.map(\.lists).reduce(0, +)
            #expect(row["items"] == "\(items.count)" && row["places"] == "\(places)")
            #expect(row["never_shown"] == "\(items.filter { $0.lists == 0 }.count)")
            #expect(row["places_top_10"] == "\(items.map { top[$0.item]! }.reduce(0, +))")
            #expect(near(row["percent_of_places"], 100 * Double(places) / all))
            #expect(near(row["lift"], Double(places) / all / (Double(items.count) / Double(counted.count))))
        }
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func mostAndNeverShownItemsAreThose(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), facts = try QueryFacts(shop), isAvailable = try facts.items("available")
        let counted = try facts.exposure(Array(facts.published(3).values))
        let rows = try QueryFile(name: "04_most_and_never_shown.sql").run(on: shop, ["count": "1000"]).rows
        let places = Dictionary(uniqueKeysWithValues: counted.enumerated().map { ($1.item, $0 + 1) })
        let most = rows.filter { $0["shown"] == "most" }
        #expect(most.map { $0["lists"] } == counted.map(\.lists).sorted(by: >).map(String.init))
        #expect(
            most.allSatisfy { row in counted.contains { $0.item == row["item_id"] && "\($0.lists)" == row["lists"] } })
        let never = counted.filter { $0.lists == 0 && isAvailable[$0.item] == "true" }.map(\.item)
        #expect(rows.filter { $0["shown"] == "never" }.map { $0["item_id"] } == never)
        #expect(rows.allSatisfy { $0["popularity"] == places[$0["item_id"]].map(String.init) })
        let few = try QueryFile(name: "04_most_and_never_shown.sql").run(on: shop, ["count": "2"]).rows
        #expect(few.filter { $0["shown"] == "most" }.map { $0["item_id"] } == most.prefix(2).map { $0["item_id"] })
        #expect(few.filter { $0["shown"] == "never" }.map { $0["item_id"] } == never.prefix(2).map(\.self))
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func concentrationIsThatOfTheCountedPlaces(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), facts = try QueryFacts(shop)
        let rows = try QueryFile(name: "05_concentration.sql").run(on: shop).rows
        #expect(rows.map { $0["part"] } == ["whole lists", "first ten"])
        for (row, length) in zip(rows, [Int.max, 10]) {
            let lists = try facts.published(3).values.map { Array($0.prefix(length)) }
            let counts = try facts.exposure(lists).map { Double($0.lists) }, all = counts.reduce(0, +)
            let entropy = -counts.filter { $0 > 0 }.map { $0 / all * log($0 / all) }.reduce(0, +)
            // Half the mean difference between two items, over the mean: not by ranks, as the file does it.
            let differences = counts.flatMap { a in counts.map { b in abs(a - b) } }.reduce(0, +)
            #expect(row["items"] == "\(counts.count)" && row["shown"] == "\(counts.filter { $0 > 0 }.count)")
            #expect(near(row["effective_items"], exp(entropy), within: 0.06))
            #expect(near(row["gini"], differences / (2 * Double(counts.count) * all), within: 0.0001))
            let first = counts.sorted(by: >).prefix((counts.count + 99) / 100).reduce(0, +)
            #expect(near(row["percent_top_1_percent"], 100 * first / all))
        }
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func changeOfAListIsWhatOnlyTheNewOneHolds(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), facts = try QueryFacts(shop)
        let before = try facts.published(2), after = try facts.published(3)
        let file = QueryFile(name: "06_changed_lists.sql")
        let rows = try file.run(on: shop, ["count": "1000"]).rows
        #expect(Set(rows.map { $0["user_id"] }) == Set(before.keys).intersection(after.keys))
        #expect(rows.count < before.count && rows.count < after.count, "one user went, one came")
        var changes: [Double] = []
        for row in rows {
            let old = Set(try #require(before[row["user_id"]]).map(\.item))
            let new = Set(try #require(after[row["user_id"]]).map(\.item))
            let change = 100 * Double(new.subtracting(old).count) / Double(new.count)
            changes.append(change)
            #expect(row["shared"] == "\(old.intersection(new).count)")
            #expect(row["in_a"] == "\(old.count)" && row["in_b"] == "\(new.count)")
            #expect(near(row["percent_new"], change, within: 0.06))
        }
        #expect(changes == changes.sorted(by: >) && Set(changes).count > 2)
        let mean = changes.reduce(0, +) / Double(changes.count)
        #expect(rows.allSatisfy { near($0["mean_percent_new"], mean, within: 0.06) })
        let sample = try file.run(on: shop, ["share": "0.5", "count": "1000"]).rows
        #expect(sample.count > 10 && sample.count < rows.count - 10)
        #expect(sample.allSatisfy { $0["users"] == "\(sample.count)" })
        let same = try file.run(on: shop, ["a": "3", "count": "1000"]).rows
        #expect(same.allSatisfy { $0["percent_new"] == "0.0" })
    }

    @Test(arguments: QueryShop.Keys.allCases)
    func sourcesAreCountedByRank(_ keys: QueryShop.Keys) throws {
        let shop = try QueryShop.with(keys), places = try QueryFacts(shop).served().values.joined()
        let rows = try QueryFile(name: "09_sources_by_rank.sql").run(on: shop).rows
        #expect(rows.map { $0["ranks"] } == ["1-10", "11-20"])
        for (row, ranks) in zip(rows, [1...10, 11...20]) {
            let these = places.filter { ranks.contains($0.rank) }
            #expect(row["places"] == "\(these.count)")
            for source in ["model", "repeat", "transition", "popular"] {
                let count = these.count { $0.source == source }
                #expect(near(row["percent_\(source)"], 100 * Double(count) / Double(these.count)))
            }
            let mean = these.map { Double($0.score)! }.reduce(0, +) / Double(these.count)
            #expect(near(row["mean_score"], mean, within: 0.0002))
        }
    }
}

/// Whether a rounded figure of an answer is the expected one.
func near(_ text: String, _ expected: Double, within tolerance: Double = 0.006) -> Bool {
    Double(text).map { abs($0 - expected) <= tolerance } ?? false
}
