import Domain

extension PayloadDictionary {
    /// A dictionary that makes payloads of lists like these smaller, or nil where none does.
    ///
    /// The same lists in the same order give the same dictionary. Half of them choose it, the other half judge it: what
    /// lists of one sample share by chance, those that come later do not.
    ///
    /// - Parameters:
    ///   - lists: a sample of those that will be written; of many, the first thousand are looked at.
    ///   - capacity: the most bytes, up to ``largestCapacity``.
    package static func train(_ lists: [[Candidate]], capacity: Int = largestCapacity) -> PayloadDictionary? {
        let sample = lists.prefix(1000)
        let chosen = sample.indices.filter { $0 % 2 == 0 }.map { sample[$0] }
        let judging = sample.indices.filter { $0 % 2 == 1 }.map { sample[$0] }
        var trainer = DictionaryTrainer(chosen)
        let bytes = trainer.choose(capacity: min(capacity, largestCapacity))
        guard !bytes.isEmpty else { return nil }
        let dictionary = PayloadDictionary(bytes)
        let without = byteCount(judging, nil)
        return without - byteCount(judging, dictionary) > without / 200 ? dictionary : nil
    }

    /// The bytes of the payloads of those lists that can be written.
    private static func byteCount(_ lists: [[Candidate]], _ dictionary: PayloadDictionary?) -> Int {
        var encoder = PayloadEncoder(dictionary: dictionary)
        for list in lists { _ = try? encoder.encode(list) }
        return PayloadCodec.allCases.reduce(0) { $0 + encoder.bytes(of: $1) }
    }
}

/// Chooses stretches of planes that many lists share, the most shared bytes first.
///
/// Source: Liao, Petri, Moffat, Wirth 2016, "Effective Construction of Relative Lempel-Ziv Dictionaries" (COVER).
/// Departure: a stretch is as long as it is shared, and not of one length for all.
private struct DictionaryTrainer {
    private static let window = 8
    private static let slotBits: UInt64 = 21

    /// A stretch of one plane of a list: windows that begin at these places.
    private struct Stretch {
        var windows: Range<Int>
        var gain = Double.infinity
    }

    /// The planes of all lists, one after the other.
    private var bytes: [UInt8] = []
    private var stretches: [Stretch] = []
    /// In how many lists a window occurs, by its hash; 0 once it is in the dictionary. Two windows seldom share a hash,
    /// and the judges see to it that it does no harm.
    private var shares = [UInt32](repeating: 0, count: 1 << slotBits)

    init(_ lists: [[Candidate]]) {
        var planes: [Range<Int>] = []
        var lastList = [Int32](repeating: -1, count: shares.count)
        for (number, candidates) in lists.enumerated() {
            var list = RankedList()
            guard (try? list.take(candidates)) != nil else { continue }
            var body: [UInt8] = []
            BytePlanes.write(list, into: &body)
            for plane in 0..<BytePlanes.bytesPerCandidate {
                let begin = bytes.count + plane * list.count
                planes.append(begin..<begin + max(0, list.count - Self.window + 1))
            }
            bytes += body
            for place in planes.suffix(BytePlanes.bytesPerCandidate).joined() {
                guard let slot = slot(place), lastList[slot] != Int32(number) else { continue }
                lastList[slot] = Int32(number)
                shares[slot] += 1
            }
        }
        let fewest = UInt32(max(3, lists.count / 100))
        for plane in planes { addStretches(of: plane, sharedBy: fewest) }
    }

    /// Cuts a plane where its windows are not shared.
    private mutating func addStretches(of plane: Range<Int>, sharedBy fewest: UInt32) {
        var begin = plane.lowerBound
        for place in plane {
            if let slot = slot(place), shares[slot] >= fewest { continue }
            if begin < place { stretches.append(Stretch(windows: begin..<place)) }
            begin = place + 1
        }
        if begin < plane.upperBound { stretches.append(Stretch(windows: begin..<plane.upperBound)) }
    }

    /// The hash of the window at a place; nil where it is one byte over and over, which needs no dictionary.
    private func slot(_ place: Int) -> Int? {
        let window = bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: place, as: UInt64.self) }
        guard window != UInt64(bytes[place]) &* 0x0101_0101_0101_0101 else { return nil }
        return Int(truncatingIfNeeded: (window.littleEndian &* 0x9e37_79b9_7f4a_7c15) >> (64 - Self.slotBits))
    }

    /// The best stretches, the best of all at the end, where LZ4 finds it last of all overwritten.
    mutating func choose(capacity: Int) -> [UInt8] {
        var chosen: [ArraySlice<UInt8>] = []
        var left = capacity
        while let stretch = takeBest(), left >= 2 * Self.window {
            let end = stretch.windows.upperBound + Self.window - 1
            chosen.append(bytes[stretch.windows.lowerBound..<end].prefix(left))
            left -= chosen[chosen.count - 1].count
        }
        return Array(chosen.reversed().joined())
    }

    /// The stretch whose bytes are shared most, without what the dictionary has already.
    private mutating func takeBest() -> Stretch? {
        var best: Int?
        for index in stretches.indices {
            // Gains only shrink: what was less than the best so far is no more now.
            if let best, stretches[index].gain <= stretches[best].gain { continue }
            measure(index)
            if stretches[index].gain > (best.map { stretches[$0].gain } ?? 0) { best = index }
        }
        guard let best else { return nil }
        let stretch = stretches[best]
        for place in stretch.windows { if let slot = slot(place) { shares[slot] = 0 } }
        stretches[best].gain = 0
        return stretch
    }

    /// Cuts off both ends that the dictionary has, and sums what the rest is worth for each byte.
    private mutating func measure(_ index: Int) {
        var windows = stretches[index].windows
        while let first = windows.first, share(first) == 0 { windows.removeFirst() }
        while let last = windows.last, share(last) == 0 { windows.removeLast() }
        let shared = windows.reduce(0) { $0 + Int(share($1)) }
        let gain = windows.isEmpty ? 0 : Double(shared) / Double(windows.count + Self.window - 1)
        stretches[index] = Stretch(windows: windows, gain: gain)
    }

    private func share(_ place: Int) -> UInt32 { slot(place).map { shares[$0] } ?? 0 }
}
