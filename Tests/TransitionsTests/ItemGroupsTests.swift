import Domain
import Tensors
import Testing
import Transitions

@Suite struct ItemGroupsTests {
    /// `count` unit vectors around `planted` directions at right angles, and which direction each was drawn around.
    private func vectors(planted: Int, count: Int, width: Int, noise: Double, seed: UInt64) -> (FloatBuffer, [Int]) {
        var draw = SeededGenerator(seed: seed, stream: 0x9706)
        let buffer = FloatBuffer(count * width)
        let group = (0..<count).map { _ in draw.below(planted) }
        for row in 0..<count {
            var vector = (0..<width).map { Float(draw.normal() * noise + ($0 == group[row] ? 1 : 0)) }
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            for i in 0..<width { vector[i] /= length }
            for i in 0..<width { buffer.pointer[row * width + i] = vector[i] }
        }
        return (buffer, group)
    }

    @Test(arguments: 0..<5 as Range<UInt64>)
    func noGroupHoldsItemsOfTwoPlantedOnesForSeed(_ seed: UInt64) {
        let (buffer, planted) = vectors(planted: 4, count: 1300, width: 8, noise: 0.05, seed: seed)
        let found = ItemGroups.find(buffer.pointer, count: 1300, width: 8, groups: 24, seed: seed)
        var plantedOf: [Int32: Set<Int>] = [:]
        for (group, direction) in zip(found.groupOfRow, planted) { plantedOf[group, default: []].insert(direction) }
        #expect(plantedOf.values.allSatisfy { $0.count == 1 })
        #expect(plantedOf.count > 4 && plantedOf.count <= 24)
    }

    @Test func groupsAreNumberedByTheirMostPopularItemWhichLeadsThem() {
        let (buffer, _) = vectors(planted: 5, count: 700, width: 8, noise: 0.3, seed: 3)
        let found = ItemGroups.find(buffer.pointer, count: 700, width: 8, groups: 20, seed: 1)
        #expect(found.leaders == found.leaders.sorted())
        #expect(Set(found.groupOfRow) == Set(0..<Int32(found.leaders.count)))
        for (group, leader) in found.leaders.enumerated() {
            #expect(found.groupOfRow.firstIndex(of: Int32(group)) == leader)
        }
    }

    @Test func theSameSeedGivesTheSameGroupsAndAnotherSeedOthers() {
        let (buffer, _) = vectors(planted: 5, count: 700, width: 8, noise: 0.5, seed: 3)
        func find(_ seed: UInt64) -> [Int32] {
            ItemGroups.find(buffer.pointer, count: 700, width: 8, groups: 20, seed: seed).groupOfRow
        }
        #expect(find(1) == find(1))
        #expect(find(1) != find(2))
    }

    @Test(arguments: [1, 2, 3])
    func fewerItemsThanGroupsAreGroupedToo(_ count: Int) {
        let (buffer, _) = vectors(planted: 4, count: count, width: 8, noise: 0.05, seed: 1)
        let found = ItemGroups.find(buffer.pointer, count: count, width: 8, groups: 24, seed: 1)
        #expect(found.groupOfRow.count == count && found.leaders.count <= count && found.leaders.first == 0)
    }

    @Test func theUsualNumberIsTheSquareRootWithinLimits() {
        #expect([1, 4, 100, 65_536, 1_000_000].map { ItemGroups.count(items: $0) } == [2, 2, 10, 256, 256])
    }
}
