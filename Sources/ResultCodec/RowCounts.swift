import CBands
import Domain

/// In how many lists each row stands: a byte each, so that as many as can be are near; how often one came round stands
/// elsewhere.
package struct RowCounts: Sendable {
    private var rest: [UInt8]
    private var rounds: [UInt32]

    package init(rows: Int) {
        rest = Array(repeating: 0, count: rows)
        rounds = Array(repeating: 0, count: rows)
    }

    /// Adds one to every row of a list, none of which may be outside the table.
    package mutating func count(_ list: Span<Candidate>) { Self.count(list, &rest, &rounds) }

    private static func count(_ list: Span<Candidate>, _ rest: inout [UInt8], _ rounds: inout [UInt32]) {
        var rest = rest.mutableSpan
        var place = 0
        while place < list.count {
            let row = Int(list[unchecked: place].row)
            let sum = rest[row] &+ 1
            rest[unchecked: row] = sum
            if sum == 0 { rounds[row] += 1 }
            place &+= 1
        }
    }

    /// By row, what all of these have counted.
    package static func sums(_ counts: [RowCounts]) -> [Int64] {
        var sums = [Int64](repeating: 0, count: counts.first?.rest.count ?? 0)
        for counts in counts {
            for row in sums.indices { sums[row] += Int64(counts.rounds[row]) << 8 | Int64(counts.rest[row]) }
        }
        return sums
    }
}

/// What will soon be read is brought near while something else is computed.
extension RowCounts {
    /// The counts of a list that will be counted next.
    package func fetch(_ list: Span<Candidate>) {
        let count = list.count
        list.withUnsafeBufferPointer { list in
            rest.withUnsafeBufferPointer { unsafe nearline_fetch_counts(Self.first(list), count, $0.baseAddress) }
        }
    }

    /// A list itself.
    package static func fetch(list: Span<Candidate>) {
        let count = list.count
        list.withUnsafeBufferPointer { unsafe nearline_fetch_list(first($0), count) }
    }

    private static func first(_ list: UnsafeBufferPointer<Candidate>) -> UnsafePointer<nearline_candidate>? {
        unsafe UnsafeRawPointer(list.baseAddress)?.assumingMemoryBound(to: nearline_candidate.self)
    }
}
