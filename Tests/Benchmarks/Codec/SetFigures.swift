import Domain
import ResultCodec

/// What the codecs make of one set of lists.
struct SetFigures {
    private let name: String
    private let lists: [[Candidate]]
    private let stored: StoredLists?

    init(_ name: String, _ lists: [[Candidate]], _ stored: StoredLists? = nil) {
        self.name = name
        self.lists = lists
        self.stored = stored
    }

    /// Lines of the table in which the sets are compared.
    func print() throws {
        let dictionary = PayloadDictionary.train(lists)
        var writer = PayloadEncoder(dictionary: dictionary)
        var thorough = PayloadEncoder(dictionary: dictionary, triesEverything: true)
        let payloads = try lists.map { try writer.encode($0) }
        for list in lists { _ = try thorough.encode(list) }
        let bytes = mean(payloads), thoroughBytes = total(thorough)
        line("\(name): \(lists.count) lists of \(format(Double(lists.joined().count) / Double(lists.count), 1))")
        line("  dictionary of \(dictionary?.bytes.count ?? 0) bytes")
        for codec in PayloadCodec.allCases where codec != .sharedPlanes || dictionary != nil {
            let alone = try lists.map { try PayloadEncoder.encode($0, codec: codec, dictionary: dictionary) }
            let wins = 100 * Double(writer.wins(of: codec)) / Double(lists.count)
            line("  \(codec) alone \(format(mean(alone), 1)) bytes, wins \(format(wins, 1)) %")
        }
        let floor = EntropyFloor(lists)
        line(
            "  chosen \(format(bytes, 1)) bytes; floor \(format(floor.total, 1)) (rows \(format(floor.rows, 1)), falls "
                + "\(format(floor.falls, 1)), sources \(format(floor.sources, 1))); over it "
                + "\(format(bytes - floor.total, 1))")
        line(
            "  trying every codec \(format(thoroughBytes, 2)) bytes: the sketch loses "
                + "\(format(100 * (bytes / thoroughBytes - 1), 3)) %")
        line("  rows in order of these lists' own exposure: \(format(try reordered(), 1)) bytes")
        try printTimes(payloads, dictionary)
    }

    private func printTimes(_ payloads: [[UInt8]], _ dictionary: PayloadDictionary?) throws {
        let some = Array(lists.prefix(1000))
        var payload: [UInt8] = [], list: [Candidate] = []
        var writer = PayloadEncoder(dictionary: dictionary)
        var thorough = PayloadEncoder(dictionary: dictionary, triesEverything: true)
        let sketched = try microseconds(some.count) { for list in some { try writer.encode(list, into: &payload) } }
        let tried = try microseconds(some.count) { for list in some { try thorough.encode(list, into: &payload) } }
        let decoded = try microseconds(some.count) {
            for payload in payloads.prefix(1000) {
                try PayloadDecoder.decode(payload, dictionary: dictionary, into: &list)
            }
        }
        line(
            "  encode \(format(sketched, 2)) µs a list, trying every codec \(format(tried, 2)); decode \(format(decoded, 2))"
        )
        guard let stored else { return }
        let two = Array(lists.prefix(2000))
        for codec in [PayloadCodec.packed, .bands] {
            let ms = try stored.unpackMilliseconds(two.map { try PayloadEncoder.encode($0, codec: codec) })
            line("  nearline.unpack of \(codec): \(format(ms, 0)) ms for \(two.count) lists")
        }
    }

    /// Bytes a list if rows were numbered by how many of these lists they are in.
    private func reordered() throws -> Double {
        var counts: [UInt32: Int] = [:]
        for candidate in lists.joined() { counts[candidate.row, default: 0] += 1 }
        let rows = counts.keys.sorted { (counts[$0]!, $1) > (counts[$1]!, $0) }
        let places = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, UInt32($0)) })
        var writer = PayloadEncoder()
        return mean(
            try lists.map { list in
                try writer.encode(
                    list.map { Candidate(row: places[$0.row]!, score: $0.score, source: $0.source) })
            })
    }

    private func mean(_ payloads: [[UInt8]]) -> Double {
        Double(payloads.reduce(0) { $0 + $1.count }) / Double(max(1, payloads.count))
    }

    private func total(_ encoder: PayloadEncoder) -> Double {
        Double(PayloadCodec.allCases.reduce(0) { $0 + encoder.bytes(of: $1) }) / Double(max(1, lists.count))
    }

    private func line(_ text: String) { Swift.print(text) }

    private func format(_ value: Double, _ digits: Int) -> String {
        let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
        let rounded = (value * scale).rounded() / scale
        return digits == 0 ? String(Int(rounded)) : String(rounded)
    }
}
