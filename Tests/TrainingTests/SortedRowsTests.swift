import Domain
import Testing
import Training

/// The rows of a batch, digit by digit, against a set and a search.
@Suite struct SortedRowsTests {
    @Test(arguments: [1, 2, 2047, 2048, 100_000, Int(Int32.max)])
    func rowsAreDistinctAndAscendingAndFoundAgain(below: Int) {
        var draw = SeededGenerator(seed: 9, stream: UInt64(below))
        let lists = [0, 1, 3, 500, 0, 7].map { count in (0..<count).map { _ in Int32(draw.below(below)) } }
        let sorted = SortedRows(lists)
        #expect(sorted.distinct == Set(lists.joined()).sorted())
        #expect(sorted.places.map { $0.map { sorted.distinct[Int($0)] } } == lists)
    }

    @Test func noListsHoldNothing() {
        #expect(SortedRows([]).distinct.isEmpty && SortedRows([]).places.isEmpty)
        #expect(SortedRows([[], []]).distinct.isEmpty && SortedRows([[], []]).places == [[], []])
        #expect(SortedRows([[Int32.max, 0]]).places == [[1, 0]])
    }
}
