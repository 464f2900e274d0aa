import Domain
import ResultCodec
import Testing

@Suite struct RowCountsTests {
    private func list(_ rows: [UInt32]) -> [Candidate] {
        rows.map { Candidate(row: $0, score: 1, source: .model) }
    }

    @Test func rowsThatStandInMoreListsThanAByteCanCountAreCounted() {
        var counts = RowCounts(rows: 4), others = RowCounts(rows: 4)
        for _ in 0..<255 { counts.count(list([1, 3]).span) }
        for number in 0..<70_000 { others.count(list(number % 2 == 0 ? [0, 1] : [1]).span) }
        #expect(RowCounts.sums([counts]) == [0, 255, 0, 255])
        counts.count(list([1]).span)
        #expect(RowCounts.sums([counts]) == [0, 256, 0, 255])
        #expect(RowCounts.sums([counts, others]) == [35_000, 70_256, 0, 255])
        #expect(RowCounts.sums([]) == [])
    }

    @Test func fetchingChangesNothing() {
        var counts = RowCounts(rows: 3)
        counts.count(list([2]).span)
        RowCounts.fetch(list: list([0, 1]).span)
        counts.fetch(list([0, 1, 2]).span)
        counts.fetch(list([]).span)
        #expect(RowCounts.sums([counts]) == [0, 0, 1])
    }
}
