import Domain
import ResultCodec
import Testing

@Suite struct DictionaryTrainerTests {
    /// What users without history get: one of a few lists, but for items that are excluded for each.
    private func defaults(_ count: Int, seed: UInt64) -> [[Candidate]] {
        var drawn = DrawnList(seed: 77)
        let all = (0..<5).map { _ in drawn.draw(110, rows: .popular, scores: .positive) }
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            var list = all[random.below(all.count)]
            for _ in 0..<random.below(8) { list.remove(at: random.below(list.count)) }
            return Array(list.prefix(100))
        }
    }

    private func bytes(_ lists: [[Candidate]], _ dictionary: PayloadDictionary?) throws -> Int {
        var encoder = PayloadEncoder(dictionary: dictionary)
        return try lists.reduce(0) { try $0 + encoder.encode($1).count }
    }

    @Test func defaultListsWithExclusionsTakeLessThanHalfWithADictionary() throws {
        let dictionary = try #require(PayloadDictionary.train(defaults(400, seed: 1)))
        #expect(dictionary.bytes.count <= PayloadDictionary.largestCapacity)
        let others = defaults(200, seed: 2)
        let (with, without) = (try bytes(others, dictionary), try bytes(others, nil))
        #expect(2 * with < without, "\(with) of \(without) bytes")
        var encoder = PayloadEncoder(dictionary: dictionary)
        for list in others {
            #expect(try PayloadDecoder.decode(encoder.encode(list), dictionary: dictionary) == rounded(list))
        }
        #expect(encoder.wins(of: .sharedPlanes) > 190)
    }

    @Test func theSameListsGiveTheSameDictionary() throws {
        let first = try #require(PayloadDictionary.train(defaults(100, seed: 3)))
        #expect(PayloadDictionary.train(defaults(100, seed: 3)) == first)
        #expect(PayloadDictionary(first.bytes).id == first.id)
        #expect(PayloadDictionary(Array(first.bytes.dropLast())).id != first.id)
    }

    @Test func listsThatShareNothingGetNone() {
        var drawn = DrawnList(seed: 5)
        let lists = (0..<400).map { _ in drawn.draw(100, rows: .anyInt32, scores: .positive) }
        #expect(PayloadDictionary.train(lists) == nil)
        #expect(PayloadDictionary.train([]) == nil)
        #expect(PayloadDictionary.train([[]]) == nil)
        #expect(PayloadDictionary.train(Array(lists.prefix(2))) == nil)
    }

    @Test func theCapacityIsKept() throws {
        let lists = defaults(400, seed: 6)
        for capacity in [0, 20, 200, 1000] {
            let count = PayloadDictionary.train(lists, capacity: capacity)?.bytes.count ?? 0
            #expect(count <= capacity)
        }
        let largest = try #require(PayloadDictionary.train(lists, capacity: 1 << 20))
        #expect(largest.bytes.count <= PayloadDictionary.largestCapacity)
    }
}
