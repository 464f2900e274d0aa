import Domain
import Postgres
import ResultCodec
import Testing

/// What happens to bytes on their way: any of it is noticed, and never a wrong list read.
@Suite struct CorruptionTests {
    /// One way to damage a payload; the result differs from `payload` and from `other`.
    private func damaged(_ payload: [UInt8], _ other: [UInt8], by random: inout SeededGenerator) -> [UInt8] {
        while true {
            var bytes = payload
            let place = random.below(bytes.count)
            switch random.below(7) {
            case 0: bytes[place] ^= 1 << UInt8(random.below(8))
            case 1: bytes[place] = UInt8(random.below(256))
            case 2: bytes.removeLast(1 + random.below(bytes.count))
            case 3: bytes.swapAt(place, random.below(bytes.count))
            case 4: bytes = Array(bytes[..<place] + other.dropFirst(place))
            case 5: bytes[1] = UInt8(3 + random.below(253))
            default: bytes.insert(UInt8(random.below(256)), at: place)
            }
            if bytes != payload && bytes != other { return bytes }
        }
    }

    /// Two payloads by one codec, of lists of about the same length.
    private func draw(_ drawn: inout DrawnList, round: Int, longest: Int) throws -> ([UInt8], [UInt8]) {
        let codec = PayloadCodec.allCases[round % 5]
        let count = 1 + drawn.random.below(longest)
        let other = PayloadDictionary(Array(PayloadDictionary.drawn.bytes.dropLast()))
        // Of the payloads with a dictionary some have that of another release.
        let dictionary = codec == .sharedPlanes && drawn.random.below(8) == 0 ? other : .drawn
        return (
            try PayloadEncoder.encode(drawn.draw(count), codec: codec, dictionary: dictionary),
            try PayloadEncoder.encode(drawn.draw(count), codec: codec, dictionary: dictionary)
        )
    }

    @Test func tenThousandDamagedPayloadsAreRefusedInSwift() throws {
        var drawn = DrawnList(seed: 51)
        var random = SeededGenerator(seed: 52)
        for round in 0..<10_000 {
            let (payload, other) = try draw(&drawn, round: round, longest: 120)
            let bytes = damaged(payload, other, by: &random)
            #expect(throws: PayloadError.self, "round \(round): \(hex(bytes))") {
                try PayloadDecoder.decode(bytes, dictionary: .drawn)
            }
        }
    }

    @Test func twoThousandDamagedPayloadsAreRefusedInSQL() throws {
        let database = try UnpackDatabase()
        try database.connection.execute(
            "INSERT INTO nearline.payload_dictionary VALUES ($1, $2)",
            [.int(Int64(PayloadDictionary.drawn.id)), .bytes(PayloadDictionary.drawn.bytes)], doing: "storing")
        var drawn = DrawnList(seed: 53)
        var random = SeededGenerator(seed: 54)
        for round in 0..<2_000 {
            let (payload, other) = try draw(&drawn, round: round, longest: 20)
            let bytes = damaged(payload, other, by: &random)
            let error = #expect(throws: PostgresError.self, "round \(round): \(hex(bytes))") {
                try database.connection.execute(
                    "SELECT * FROM nearline.unpack($1)", [.bytes(bytes)], doing: "unpacking")
            }
            #expect(error?.sqlState == "XX001" && error?.hint != nil, "round \(round): \(error?.message ?? "")")
        }
    }

    @Test func randomBytesAreRefused() throws {
        var random = SeededGenerator(seed: 55)
        for _ in 0..<10_000 {
            var bytes = (0..<random.below(200)).map { _ in UInt8(random.below(256)) }
            // Half of them begin as payloads do.
            if random.below(2) == 0, bytes.count > 2 { bytes.replaceSubrange(0..<2, with: [0x4E, 2]) }
            #expect(throws: PayloadError.self) { try PayloadDecoder.decode(bytes, dictionary: .drawn) }
        }
    }

    @Test func aRefusedPayloadLeavesAnEmptyListBehind() throws {
        var drawn = DrawnList(seed: 56)
        var list: [Candidate] = []
        var payload = try PayloadEncoder.encode(drawn.draw(50), codec: .bands)
        try PayloadDecoder.decode(payload, into: &list)
        #expect(list.count == 50)
        payload[20] ^= 1
        #expect(throws: PayloadError.self) { try PayloadDecoder.decode(payload, into: &list) }
        #expect(list.isEmpty)
    }
}
