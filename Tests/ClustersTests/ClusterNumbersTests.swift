import Clusters
import Testing

@Suite struct ClusterNumbersTests {
    @Test func prefixesWithItemsAreNumberedAndEmptyOnesAreNot() {
        var numbers = ClusterNumbers(prefixes: 6)
        numbers.number([4, 1, 1, -1, 4])
        #expect(numbers.ofPrefix == [-1, 0, -1, -1, 1, -1])
        #expect(numbers.next == 2)
    }

    @Test func aNumberOnceGivenStaysWhenItsItemsGo() {
        var numbers = ClusterNumbers(prefixes: 4)
        numbers.number([0, 2])
        numbers.number([3, 3])
        #expect(numbers.ofPrefix == [0, -1, 1, 2])
    }

    @Test func numbersGoWithTheMostItemsAndEachToOnePrefix() {
        var numbers = ClusterNumbers(prefixes: 4, next: 9)
        //            prefix 0 holds 3 of cluster 7 and 2 of 8; prefix 1 holds 2 of 7; prefix 2 holds new items only
        numbers.match([0, 0, 0, 0, 0, 1, 1, 2, -1], [7, 7, 7, 8, 8, 7, 7, -1, 3])
        #expect(numbers.ofPrefix == [7, -1, -1, -1])
        numbers.number([0, 1, 2])
        #expect(numbers.ofPrefix == [7, 9, 10, -1])
    }

    @Test func aLargerOverlapGoesBeforeALowerNumber() {
        var numbers = ClusterNumbers(prefixes: 2)
        numbers.match([0, 0, 0, 1, 1], [3, 7, 7, 3, 3])
        #expect(numbers.ofPrefix == [7, 3])
        numbers = ClusterNumbers(prefixes: 2)
        numbers.match([0, 0, 0, 1], [3, 7, 7, 9])
        #expect(numbers.ofPrefix == [7, 9])
    }

    @Test func equalOverlapsGoToTheLowestNumber() {
        var numbers = ClusterNumbers(prefixes: 3)
        numbers.match([2, 2, 0, 0], [1, 0, 1, 0])
        #expect(numbers.ofPrefix == [0, -1, 1] && numbers.next == 2)
    }

    @Test func keptNumbersYieldToMatchedOnes() {
        var old = ClusterNumbers(prefixes: 3)
        old.number([0, 1, 2])
        var numbers = ClusterNumbers(prefixes: 3, next: 3)
        numbers.match([0, 0], [2, 2])
        numbers.keep(old)
        #expect(numbers.ofPrefix == [2, 1, -1])
        numbers.number([2])
        #expect(numbers.ofPrefix == [2, 1, 3])
    }

    @Test func atTheLimitNumbersOutOfUseAreGivenAgainLowestFirst() {
        let limit = Int32(ItemClusters.limit)
        var numbers = ClusterNumbers(prefixes: 5, next: limit - 1)
        numbers.match([0, 1], [0, 2])
        numbers.number([0, 1, 2, 3, 4])
        #expect(numbers.ofPrefix == [0, 2, limit - 1, 1, 3])
        #expect(numbers.next == limit)
    }

    @Test func numbersThatCannotHaveBeenGivenAreRefused() {
        #expect(ClusterNumbers(ofPrefix: [0, -1, 2], next: 3) != nil)
        #expect(ClusterNumbers(ofPrefix: [0, 0], next: 3) == nil)
        #expect(ClusterNumbers(ofPrefix: [3], next: 3) == nil)
        #expect(ClusterNumbers(ofPrefix: [-2], next: 3) == nil)
        #expect(ClusterNumbers(ofPrefix: [0], next: 65_535) == nil)
    }
}
