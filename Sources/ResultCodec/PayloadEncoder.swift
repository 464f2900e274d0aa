import Domain

/// Writes ranked lists as payloads, each by the codec that makes it smallest.
///
/// Keeps its buffers between lists: make one for each thread and let it encode many. What it writes of a list does not
/// depend on the lists before.
package struct PayloadEncoder: Sendable {
    private let dictionary: LoadedDictionary?
    private let sketch: RepeatSketch
    private let triesEverything: Bool
    private var list: RankedList
    private var bands: BandWriter
    private var planes: [UInt8] = []
    private var packed: [UInt8] = []
    private var compressed: [UInt8] = []
    private var shared: [UInt8] = []
    private var wins = [Int](repeating: 0, count: PayloadCodec.allCases.count)
    private var bytes = [Int](repeating: 0, count: PayloadCodec.allCases.count)

    /// - Parameters:
    ///   - dictionary: what readers of these payloads will have at hand, nil for none.
    ///   - triesEverything: whether every codec is written out, also where a sketch says that it cannot win: to measure
    ///     the sketch.
    ///   - isReadable: whether the loops are those in Swift, to which the tests hold the ones in C.
    package init(dictionary: PayloadDictionary? = nil, triesEverything: Bool = false, isReadable: Bool = false) {
        self.dictionary = dictionary.map { LoadedDictionary($0) }
        self.triesEverything = triesEverything
        sketch = RepeatSketch(dictionary, isReadable: isReadable)
        list = RankedList(isReadable: isReadable)
        bands = BandWriter(isReadable: isReadable)
    }

    /// The payload of `list`, best candidate first, no row twice, scores finite and never rising.
    package mutating func encode(_ list: some RandomAccessCollection<Candidate>) throws(PayloadError) -> [UInt8] {
        var payload: [UInt8] = []
        try encode(list, into: &payload)
        return payload
    }

    /// Overwrites `payload` with the payload of `list`; where it throws, `payload` is as it was.
    package mutating func encode(
        _ candidates: some RandomAccessCollection<Candidate>, into payload: inout [UInt8]
    ) throws(PayloadError) {
        try list.take(candidates)
        writeSmallest(into: &payload)
    }

    /// Overwrites `payload` with the payload of `list`; where it throws, `payload` is as it was.
    ///
    /// - Parameter isSealed: whether the checksum is written, and not left to ``PayloadSeal``.
    package mutating func encode(
        _ candidates: Span<Candidate>, into payload: inout [UInt8], isSealed: Bool = true
    ) throws(PayloadError) {
        try list.take(candidates)
        writeSmallest(into: &payload, isSealed: isSealed)
    }

    private mutating func writeSmallest(into payload: inout [UInt8], isSealed: Bool = true) {
        writeBody(.bands)
        var best = PayloadCodec.bands
        var smallest = bands.byteCount
        for codec in [PayloadCodec.sharedPlanes, .compressedPlanes, .packed, .planes] where mayWin(codec, smallest) {
            writeBody(codec)
            // Of two that tie, the lower number is the simpler to read.
            if byteCount(codec) <= smallest {
                best = codec
                smallest = byteCount(codec)
            }
        }
        wins[Int(best.rawValue)] += 1
        bytes[Int(best.rawValue)] += PayloadHeader.byteCount + smallest
        write(best, into: &payload, isSealed: isSealed)
    }

    /// How many lists this encoder has written by `codec`, and their bytes.
    package func wins(of codec: PayloadCodec) -> Int { wins[Int(codec.rawValue)] }
    package func bytes(of codec: PayloadCodec) -> Int { bytes[Int(codec.rawValue)] }

    /// The payload of `list` by one codec, smallest or not: for tests and measurements.
    ///
    /// - Parameter dictionary: needed by ``PayloadCodec/sharedPlanes``.
    package static func encode(
        _ list: some RandomAccessCollection<Candidate>, codec: PayloadCodec, dictionary: PayloadDictionary? = nil
    ) throws(PayloadError) -> [UInt8] {
        var encoder = PayloadEncoder(dictionary: dictionary)
        var payload: [UInt8] = []
        try encoder.encode(list, codec: codec, into: &payload)
        return payload
    }

    /// Overwrites `payload` with the payload of `list` by one codec, smallest or not.
    package mutating func encode(
        _ candidates: some RandomAccessCollection<Candidate>, codec: PayloadCodec, into payload: inout [UInt8]
    ) throws(PayloadError) {
        precondition(codec != .sharedPlanes || dictionary != nil, "shared planes need a dictionary")
        try list.take(candidates)
        writeBody(codec)
        write(codec, into: &payload, isSealed: true)
    }

    /// Whether writing the body by `codec` could need no more than `smallest` bytes.
    private func mayWin(_ codec: PayloadCodec, _ smallest: Int) -> Bool {
        if codec == .sharedPlanes && dictionary == nil { return false }
        if triesEverything { return true }
        return switch codec {
        case .bands: true
        case .planes: BytePlanes.bytesPerCandidate * list.count <= smallest
        case .packed: PackedBody.fewestBytes(list) <= smallest
        case .compressedPlanes: sketch.mayRepeat(list, smallest: smallest)
        case .sharedPlanes: sketch.mayShare(list)
        }
    }

    private mutating func writeBody(_ codec: PayloadCodec) {
        switch codec {
        case .bands: bands.write(list)
        case .packed: PackedBody.write(list, into: &packed)
        case .planes: BytePlanes.write(list, into: &planes)
        case .compressedPlanes:
            BytePlanes.write(list, into: &planes)
            LZ4Block.compress(planes, into: &compressed)
        case .sharedPlanes:
            BytePlanes.write(list, into: &planes)
            writeSharedPlanes()
        }
    }

    private mutating func writeSharedPlanes() {
        guard let dictionary else { return }
        LZ4Block.compress(planes, with: dictionary, into: &shared)
        withUnsafeBytes(of: dictionary.dictionary.id.littleEndian) { shared.insert(contentsOf: $0, at: 0) }
    }

    private func byteCount(_ codec: PayloadCodec) -> Int {
        codec == .bands ? bands.byteCount : body(codec).count
    }

    private func body(_ codec: PayloadCodec) -> [UInt8] {
        switch codec {
        case .planes: planes
        case .packed: packed
        case .compressedPlanes: compressed
        case .sharedPlanes: shared
        case .bands: bands.body
        }
    }

    private func write(_ codec: PayloadCodec, into payload: inout [UInt8], isSealed: Bool) {
        let stored = byteCount(codec)
        let rawLength = codec.isPlanes ? BytePlanes.bytesPerCandidate * list.count : stored
        let header = PayloadHeader(codec: codec, count: list.count, rawLength: rawLength)
        body(codec).withUnsafeBytes {
            header.write(UnsafeRawBufferPointer(rebasing: $0[..<stored]), into: &payload, isSealed: isSealed)
        }
    }
}
