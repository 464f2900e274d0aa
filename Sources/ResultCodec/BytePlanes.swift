import Domain

/// The body of codecs 0, 2 and 3: byte 0 of every row, byte 1 of every row, byte 2, byte 3, the low and the high bytes
/// of the score steps, the sources. Like lies beside like, which is what LZ4 needs to find repeats.
enum BytePlanes {
    static let bytesPerCandidate = 7

    /// Overwrites `body`.
    static func write(_ list: borrowing RankedList, into body: inout [UInt8]) {
        let n = list.count
        body.removeAll(keepingCapacity: true)
        body.append(contentsOf: repeatElement(0, count: bytesPerCandidate * n))
        var bytes = body.mutableSpan
        for i in 0..<n {
            let row = list.rows[i]
            let step = list.step(i)
            bytes[i] = UInt8(truncatingIfNeeded: row)
            bytes[n + i] = UInt8(truncatingIfNeeded: row >> 8)
            bytes[2 * n + i] = UInt8(truncatingIfNeeded: row >> 16)
            bytes[3 * n + i] = UInt8(truncatingIfNeeded: row >> 24)
            bytes[4 * n + i] = UInt8(truncatingIfNeeded: step)
            bytes[5 * n + i] = UInt8(truncatingIfNeeded: step >> 8)
            bytes[6 * n + i] = list.sources[i]
        }
    }

    /// - Parameters:
    ///   - body: `bytesPerCandidate` bytes for each candidate.
    ///   - list: every place of it is overwritten.
    static func read(
        _ body: UnsafeRawBufferPointer, into list: UnsafeMutableBufferPointer<Candidate>
    ) throws(PayloadError) {
        let n = list.count
        precondition(body.count == bytesPerCandidate * n, "the caller has checked the length")
        var bits = ScoreFall()
        for i in 0..<n {
            let row =
                UInt32(body[i]) | UInt32(body[n + i]) << 8 | UInt32(body[2 * n + i]) << 16
                | UInt32(body[3 * n + i]) << 24
            let step = UInt16(body[4 * n + i]) | UInt16(body[5 * n + i]) << 8
            guard let source = CandidateSource(rawValue: body[6 * n + i]) else {
                throw .unknownSource(body[6 * n + i], at: i)
            }
            list[i] = Candidate(row: row, score: try bits.score(after: step, at: i), source: source)
        }
    }
}
