import Evaluation
import Testing

@Suite struct ItemExposureTests {
    private func exposure(items: Int, _ lists: [Int32]...) -> ItemExposure {
        var exposure = ItemExposure(items: items)
        for list in lists { exposure.add(list) }
        return exposure
    }

    @Test func oneItemForAllIsAsUnequalAsItGets() {
        let found = exposure(items: 4, [2], [2], [2], [2])
        #expect(found.lists == [0, 0, 4, 0])
        #expect(found.coverage == 0.25 && found.items(making: 0.95) == 1)
        #expect(abs(found.gini - 0.75) < 1e-12, "(N - 1) / N")
        #expect(found.exposure(ofTop: 0.25) == 1)
    }

    @Test func equalSharesAreEqual() {
        let found = exposure(items: 4, [0, 1], [2, 3])
        #expect(found.coverage == 1 && found.gini == 0 && found.items(making: 0.95) == 4)
        #expect(found.items(making: 0.75) == 3 && found.exposure(ofTop: 0.5) == 0.5)
    }

    /// Half the mean absolute difference of all pairs over the mean.
    @Test func giniIsTheMeanDifferenceOfPairs() {
        let found = exposure(items: 5, [0, 1, 2], [0, 1], [0], [0, 4], [0])
        let counts = found.lists.map(Double.init)
        #expect(counts == [5, 2, 1, 0, 1])
        let pairs = counts.flatMap { a in counts.map { abs(a - $0) } }.reduce(0, +)
        #expect(abs(found.gini - pairs / (2 * 25 * (9.0 / 5))) < 1e-12)
    }

    @Test func fewestItemsOnEitherSideOfTheShare() {
        // 19 of 20 places are exactly 95 %.
        var found = ItemExposure(items: 3)
        for _ in 0..<19 { found.add([0]) }
        found.add([1])
        #expect(found.items(making: 0.95) == 1)
        found.add([1])
        #expect(found.items(making: 0.95) == 2)
    }

    @Test func rowsOutsideTheCatalogueDoNotCount() {
        let found = exposure(items: 2, [0, 2, .max])
        #expect(found.lists == [1, 0])
    }

    @Test func withoutListsNothingIsShown() {
        let none = ItemExposure(items: 3)
        #expect(none.coverage == 0 && none.gini == 0 && none.items(making: 0.95) == 0 && none.exposure(ofTop: 1) == 0)
    }
}
