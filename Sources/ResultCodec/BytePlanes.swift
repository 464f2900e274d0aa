import Domain

/// The body of codecs 0 and 2: byte 0 of every row, byte 1 of every row, byte 2, byte 3, the low and the high bytes of the
/// score steps, the sources. Like lies beside like, which is what LZ4 needs to find repeats.
enum BytePlanes {
    static let bytesPerCandidate = 7

    /// - Parameters:
    ///   - steps: sortable bits of the first score, then the falls.
    ///   - body: overwritten.
    static func write(_ list: [Candidate], steps: [UInt16], into body: inout [UInt8]) {
        let n = list.count
        body.removeAll(keepingCapacity: true)
        body.append(contentsOf: repeatElement(0, count: bytesPerCandidate * n))
        for (i, candidate) in list.enumerated() {
            body[i] = UInt8(truncatingIfNeeded: candidate.row)
            body[n + i] = UInt8(truncatingIfNeeded: candidate.row >> 8)
            body[2 * n + i] = UInt8(truncatingIfNeeded: candidate.row >> 16)
            body[3 * n + i] = UInt8(truncatingIfNeeded: candidate.row >> 24)
            body[4 * n + i] = UInt8(truncatingIfNeeded: steps[i])
            body[5 * n + i] = UInt8(truncatingIfNeeded: steps[i] >> 8)
            body[6 * n + i] = candidate.source.rawValue
        }
    }

    /// - Parameter body: `bytesPerCandidate * count` bytes.
    static func read(_ body: UnsafeRawBufferPointer, count n: Int) throws(PayloadError) -> [Candidate] {
        precondition(body.count == bytesPerCandidate * n, "the caller has checked the length")
        var list: [Candidate] = []
        list.reserveCapacity(n)
        var bits = ScoreFall()
        for i in 0..<n {
            let row =
                UInt32(body[i]) | UInt32(body[n + i]) << 8 | UInt32(body[2 * n + i]) << 16
                | UInt32(body[3 * n + i]) << 24
            let step = UInt16(body[4 * n + i]) | UInt16(body[5 * n + i]) << 8
            guard let source = CandidateSource(rawValue: body[6 * n + i]) else {
                throw .unknownSource(body[6 * n + i], at: i)
            }
            list.append(Candidate(row: row, score: try bits.score(after: step, at: i), source: source))
        }
        return list
    }
}
