import Domain
import Testing

@Suite struct SeededGeneratorTests {
    /// The numbers that other implementations of SplitMix64 print for this seed.
    @Test func itIsSplitMix64() {
        var draw = SeededGenerator(seed: 1_234_567)
        let numbers = (0..<5).map { _ in draw.next() }
        #expect(
            numbers == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    @Test func streamsOfOneSeedDiffer() {
        var first = SeededGenerator(seed: 1, stream: 1), second = SeededGenerator(seed: 1, stream: 2)
        var both = SeededGenerator(seed: 1, stream: 1, 2), again = SeededGenerator(seed: 1, stream: 1)
        let numbers = [first.next(), second.next(), both.next()]
        #expect(Set(numbers).count == 3)
        #expect(again.next() == numbers[0])
    }

    @Test func uniformNumbersAreAtLeastZeroAndBelowOne() {
        var draw = SeededGenerator(seed: 3)
        let numbers = (0..<10_000).map { _ in draw.uniform() }
        #expect(numbers.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(numbers.reduce(0, +) / 10_000 - 0.5) < 0.02)
    }

    @Test func numbersBelowABoundTakeEachValueAboutAsOften() {
        var draw = SeededGenerator(seed: 4), counts = [Int](repeating: 0, count: 7)
        for _ in 0..<7000 { counts[draw.below(7)] += 1 }
        #expect(counts.allSatisfy { (850...1150).contains($0) }, "\(counts)")
        #expect(draw.below(1) == 0)
    }

    @Test func normalNumbersHaveMeanZeroAndVarianceOne() {
        var draw = SeededGenerator(seed: 5)
        let numbers = (0..<20_000).map { _ in draw.normal() }
        let mean = numbers.reduce(0, +) / 20_000, variance = numbers.reduce(0) { $0 + $1 * $1 } / 20_000
        #expect(abs(mean) < 0.03 && abs(variance - 1) < 0.05)
        #expect(numbers.allSatisfy { $0.isFinite })
    }
}
