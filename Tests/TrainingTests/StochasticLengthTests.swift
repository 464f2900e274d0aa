import Domain
import Testing
import Training

@Suite struct StochasticLengthTests {
    private func history(_ sessions: Int) -> TokenHistory {
        var history = TokenHistory()
        for s in 0..<sessions {
            let items = (0..<1 + s % 3).map { (row: Int32(10 * s + $0), action: UInt8(1)) }
            history.append(startsAt: Int64(s), scene: 0, items: items)
        }
        return history
    }

    @Test func shortHistoriesStayAndLongOnesAreCutToTheRootAsOftenAsThePaperHasIt() {
        let length = StochasticLength(tokens: 256, alpha: 1.5)
        #expect(length.kept == 64)
        var draw = SeededGenerator(seed: 4), whole = 0, firsts = Set<Int64>()
        let short = history(20), long = history(45)
        #expect(short.tokens <= 64 && long.tokens == 135)
        for _ in 0..<400 {
            #expect(length.cut(short, &draw) == short)
            let cut = length.cut(long, &draw)
            guard cut != long else {
                whole += 1
                continue
            }
            // No more fits than is there, in the order that it was in, up to the newest.
            #expect(cut.tokens <= 64 && cut.tokens > 60)
            #expect(cut.sessions.last == long.sessions.last)
            let numbers = cut.sessions.map(\.startsAt)
            #expect(numbers == numbers.sorted() && cut == long.keeping { numbers.contains(Int64($0)) })
            firsts.insert(numbers[0])
        }
        // 0.2247 of 400 are 90, give or take 8.
        #expect((60...120).contains(whole))
        #expect(firsts.count > 3)
    }

    @Test func nothingIsCutOrDrawnWithoutIt() {
        let length = StochasticLength(tokens: 16, alpha: 2), long = history(300)
        var draw = SeededGenerator(seed: 1), same = SeededGenerator(seed: 1)
        #expect(length.cut(long, &draw) == long)
        #expect(draw.next() == same.next())
    }

    @Test func aNewestSessionThatIsLongerThanAllIsKeptAlone() {
        var long = history(30)
        long.append(startsAt: 99, scene: 0, items: (0..<40).map { (row: Int32($0), action: UInt8(1)) })
        var draw = SeededGenerator(seed: 2)
        let found = (0..<50).map { _ in StochasticLength(tokens: 100, alpha: 1).cut(long, &draw) }
        #expect(found.contains { $0.sessions.map(\.startsAt) == [99] })
    }
}
