import Blending
import Testing

@Suite struct CategoryCapTests {
    /// Rows 0 to 3 are without a category, 4 to 7 of one, 8 to 11 of another.
    private let cap = CategoryCap(most: 2, category: (0..<12).map { $0 / 4 })

    @Test func theFirstOfACategoryAreTakenAndThoseWithoutOneAlways() {
        let first = cap.first(6, of: [4, 5, 6, 0, 7, 1, 8, 2, 9] as [Int32]) { $0 }
        #expect(first == [4, 5, 0, 1, 8, 2])
    }

    @Test func whereTheCapLeavesTooFewAListIsShorter() {
        #expect(cap.first(6, of: [4, 5, 6, 7, 8] as [Int32]) { $0 } == [4, 5, 8])
        #expect(cap.first(0, of: [4] as [Int32]) { $0 }.isEmpty)
    }

    @Test func aCategoryIsFullWithAsManyAsTheCap() {
        #expect(cap.isFull([4, 8, 5], for: 6))
        #expect(!cap.isFull([4, 8], for: 6))
        #expect(!cap.isFull([0, 1, 2], for: 3))
    }
}
