import Domain
import Testing
import Transitions

@Suite struct ClusterMapTests {
    private func vocabulary(_ categories: [String], _ rows: [Int32]) -> Vocabulary {
        Vocabulary(
            itemType: .bigint, items: rows.indices.map { .integer(Int64($0)) }, category: rows,
            seller: rows.map { _ in 0 }, categories: categories, sellers: [""], scenes: [""])
    }

    @Test func categoriesBecomeClustersAndNoneGivenIsNone() throws {
        let map = try #require(ClusterMap(categoriesOf: vocabulary(["", "tea", "cups"], [2, 0, 1, 2])))
        #expect(map.names == ["tea", "cups"])
        #expect(map.clusterOfRow == [1, -1, 0, 1])
        #expect(map.sizes == [1, 2])
    }

    @Test(arguments: [[""], ["", "tea"]])
    func fewerThanTwoCategoriesAreNothingToGoBetween(_ categories: [String]) {
        #expect(ClusterMap(categoriesOf: vocabulary(categories, [0, 0]))?.names == nil)
    }
}
