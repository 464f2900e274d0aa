import Domain
import Model
import Tensors
import Testing

/// A model that goes on with another vocabulary.
@Suite struct GrownParametersTests {
    private static func vocabulary(
        _ items: [Int64], categories: [String], sellers: [String], scenes: [String]
    ) -> Vocabulary {
        Vocabulary(
            itemType: .bigint, items: items.map { .integer($0) },
            category: items.map { Int32($0 % Int64(categories.count)) },
            seller: items.map { Int32($0 % Int64(sellers.count)) },
            categories: categories, sellers: sellers, scenes: scenes)
    }

    private let old = vocabulary(
        Array(10..<40), categories: ["", "b", "a\u{301}"], sellers: ["", "x"], scenes: ["", "home", "mail"])
    /// Item 12 is gone, 5 and 50 are new, and nothing stands where it stood.
    private let new = vocabulary(
        [50] + (13..<40).reversed() + [5, 11, 10], categories: ["", "\u{e1}", "a\u{301}", "b"],
        sellers: ["", "y", "x"],
        scenes: ["", "search", "mail", "home"])

    private func grown() -> (ModelParameters, ModelParameters) {
        let before = ModelParameters(
            ModelSettings(
                items: 30, categories: 3, sellers: 2, scenes: 3, width: 8, heads: 1, blocks: 3, horizons: 1, anchors: 2),
            seed: 7)
        // As after a training: even what was zero at the start is something.
        var draw = SeededGenerator(seed: 1)
        for (_, shape, start) in before.named {
            for i in 0..<shape.reduce(1, *) { start[i] += Float(draw.normal()) }
        }
        return (before, before.grown(from: old, to: new, seed: 8))
    }

    private func row(_ buffer: Floats, _ row: Int) -> [Float] {
        Array(UnsafeBufferPointer(start: buffer + row * 8, count: 8))
    }

    @Test func whatBothKnowKeepsEveryBitWhereverItStandsNow() {
        let (before, after) = grown()
        for (place, item) in new.items.enumerated() {
            guard let was = old.row(of: item) else { continue }
            #expect(row(after.item.pointer, place) == row(before.item.pointer, Int(was)), "item \(item)")
        }
        for (place, was) in [(0, 0), (2, 2), (3, 1)] {
            #expect(row(after.category.pointer, place) == row(before.category.pointer, was))
        }
        for (place, was) in [(0, 0), (2, 1)] {
            #expect(row(after.seller.pointer, place) == row(before.seller.pointer, was))
        }
        // The last is that of anchors.
        for (place, was) in [(0, 0), (2, 2), (3, 1), (4, 3)] {
            #expect(
                row(after.dense.pointer + after.layout.scene, place)
                    == row(before.dense.pointer + before.layout.scene, was))
        }
    }

    @Test func whatIsNewBeginsAsInATrainingFromScratch() {
        let (_, after) = grown(), start = ModelParameters(after.settings, seed: 8)
        for place in [0, 28] { #expect(row(after.item.pointer, place) == row(start.item.pointer, place)) }
        #expect(new.items[28] == .integer(5))
        #expect(row(after.category.pointer, 1) == row(start.category.pointer, 1), "another spelling is another name")
        #expect(row(after.seller.pointer, 1) == row(start.seller.pointer, 1))
        #expect(after.areFinite)
    }

    @Test func theNetworkIsTakenOverAsItIs() {
        let (before, after) = grown()
        for (was, now) in zip(before.named.dropFirst(3), after.named.dropFirst(3)) where was.name != "scene" {
            let count = was.shape.reduce(1, *)
            #expect(was.name == now.name && was.shape == now.shape)
            #expect(
                UnsafeBufferPointer(start: was.start, count: count)
                    .elementsEqual(UnsafeBufferPointer(start: now.start, count: count)), "\(was.name)")
        }
    }
}
