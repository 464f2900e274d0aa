import Domain

/// Writes ranked lists as payloads, each by the codec that makes it smallest.
///
/// Keeps its buffers between lists: make one for each thread and let it encode many.
package struct PayloadEncoder: Sendable {
    private var list: [Candidate] = []
    /// Sortable bits of the first score, then how far each falls below the one before.
    private var steps: [UInt16] = []
    private var rows = RowSet()
    private var planes: [UInt8] = []
    private var packed: [UInt8] = []
    private var compressedPlanes: [UInt8] = []
    private var wins = [Int](repeating: 0, count: PayloadCodec.allCases.count)

    package init() {}

    /// The payload of `list`, best candidate first, no row twice, scores finite and never rising.
    package mutating func encode(_ list: some RandomAccessCollection<Candidate>) throws(PayloadError) -> [UInt8] {
        var payload: [UInt8] = []
        try encode(list, into: &payload)
        return payload
    }

    /// Overwrites `payload` with the payload of `list`; where it throws, `payload` is as it was.
    package mutating func encode(
        _ list: some RandomAccessCollection<Candidate>, into payload: inout [UInt8]
    ) throws(PayloadError) {
        try take(list)
        var best = PayloadCodec.planes
        for codec in PayloadCodec.allCases {
            writeBody(codec)
            // Strictly smaller: of two that tie, the lower number is the simpler to read.
            if body(codec).count < body(best).count { best = codec }
        }
        wins[Int(best.rawValue)] += 1
        header(best).write(body(best), into: &payload)
    }

    /// How many lists this encoder has written by `codec`.
    package func wins(of codec: PayloadCodec) -> Int { wins[Int(codec.rawValue)] }

    /// The payload of `list` by one codec, smallest or not: for tests and measurements.
    package static func encode(
        _ list: some RandomAccessCollection<Candidate>, codec: PayloadCodec
    ) throws(PayloadError) -> [UInt8] {
        var encoder = PayloadEncoder()
        try encoder.take(list)
        encoder.writeBody(.planes)
        if codec != .planes { encoder.writeBody(codec) }
        var payload: [UInt8] = []
        encoder.header(codec).write(encoder.body(codec), into: &payload)
        return payload
    }

    /// Checks the list and turns its scores into steps.
    private mutating func take(_ candidates: some RandomAccessCollection<Candidate>) throws(PayloadError) {
        guard candidates.count <= PayloadHeader.longestList else { throw .tooManyCandidates(candidates.count) }
        list.removeAll(keepingCapacity: true)
        list.append(contentsOf: candidates)
        steps.removeAll(keepingCapacity: true)
        rows.reset(for: list.count)
        var bitsBefore: UInt16 = 0
        for (i, candidate) in list.enumerated() {
            guard candidate.score.isFinite else { throw .nonFiniteScore(at: i) }
            guard candidate.score.magnitude <= SortableHalf.largest else {
                throw .scoreOutOfRange(candidate.score, at: i)
            }
            guard i == 0 || candidate.score <= list[i - 1].score else { throw .scoresNotFalling(at: i) }
            guard rows.insert(candidate.row) else { throw .duplicateRow(candidate.row, at: i) }
            // Rounding keeps the order, so no fall is below zero.
            let bits = SortableHalf.bits(candidate.score)
            steps.append(i == 0 ? bits : bitsBefore - bits)
            bitsBefore = bits
        }
    }

    /// Writes the body of one codec into its buffer; the compressed planes are made of the planes written before.
    private mutating func writeBody(_ codec: PayloadCodec) {
        switch codec {
        case .planes: BytePlanes.write(list, steps: steps, into: &planes)
        case .packed: PackedBody.write(list, steps: steps, into: &packed)
        case .compressedPlanes: LZ4Block.compress(planes, into: &compressedPlanes)
        }
    }

    private func body(_ codec: PayloadCodec) -> [UInt8] {
        switch codec {
        case .planes: planes
        case .packed: packed
        case .compressedPlanes: compressedPlanes
        }
    }

    private func header(_ codec: PayloadCodec) -> PayloadHeader {
        let rawLength = codec == .packed ? packed.count : planes.count
        return PayloadHeader(codec: codec, count: list.count, rawLength: rawLength)
    }
}
