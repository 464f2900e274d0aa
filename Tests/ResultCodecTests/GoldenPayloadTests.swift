import Domain
import ResultCodec
import Testing

/// Bytes of versions 1 and 2, made once and kept: whatever becomes of the writer, tables and snapshots hold these.
@Suite struct GoldenPayloadTests {
    private let list = [
        Candidate(row: 5, score: 2, source: .model),
        Candidate(row: 300, score: 1, source: .repeat),
        Candidate(row: 70000, score: -0.5, source: .popular),
    ]

    private let planes = bytes(
        """
        4e01 00 00 0300 15000000 da73f499
        052c70 000111 000001 000000  000001 c00474  000103
        """)

    private let packed = bytes(
        """
        4e01 01 00 0300 10000000 9728bf0b
        24 05 2c01 701101  00c0 8008 81e801  10 03
        """)

    private let compressedPlanes = bytes(
        """
        4e01 02 00 0800 38000000 af571a09
        9f 0102030405060708 00 0100 0c  13 bc 0900  80 0202020202020202
        """)

    @Test func planesOfVersionOneAreRead() throws {
        #expect(try PayloadDecoder.decode(planes) == list)
    }

    @Test func packedPayloadsOfVersionOneAreRead() throws {
        #expect(try PayloadDecoder.decode(packed) == list)
    }

    /// A block made by hand, with a match that overlaps itself; liblz4 is free to write another for the same planes.
    @Test func compressedPlanesOfVersionOneAreRead() throws {
        let list = (1...8).map { Candidate(row: $0, score: 1, source: .transition) }
        #expect(try PayloadDecoder.decode(compressedPlanes) == list)
    }

    // MARK: - version 2

    @Test func planesOfVersionTwoAreReadAndWritten() throws {
        let payload = bytes("4e02 00 0300 150000 66e23bdb  052c70 000111 000001 000000 000001 c00474 000103")
        #expect(try PayloadDecoder.decode(payload) == list)
        #expect(try hex(PayloadEncoder.encode(list, codec: .planes)) == hex(payload))
    }

    @Test func packedPayloadsOfVersionTwoAreReadAndWritten() throws {
        let payload = bytes("4e02 01 0300 100000 c0fb851e  24 05 2c01 701101 00c0 8008 81e801 10 03")
        #expect(try PayloadDecoder.decode(payload) == list)
        #expect(try hex(PayloadEncoder.encode(list, codec: .packed)) == hex(payload))
    }

    @Test func compressedPlanesOfVersionTwoAreRead() throws {
        let payload = bytes(
            "4e02 02 0800 380000 7cbefc89  9f 0102030405060708 00 0100 0c 13 bc 2000 80 0202020202020202")
        #expect(try PayloadDecoder.decode(payload) == equals)
    }

    /// Two bands, the second (from row 64) three bits wider than the six of the first: 01 00110 11. 8.0 in sortable bits:
    /// 1100100000000000. Rice parameters 8 and 1: 1000 0001. Sources in unary, three: model, repeat, popular.
    @Test func bandsOfVersionTwoAreReadAndWritten() throws {
        let scores: [Float] = [8, 4, 3.9, 3.8, 3.8, 3.79]
        let sources: [CandidateSource] = [.model, .model, .repeat, .model, .popular, .model]
        let list = [1, 3, 2, 40, 41, 500].enumerated().map {
            Candidate(row: $1, score: scores[$0], source: sources[$0])
        }
        let payload = bytes("4e02 04 0600 120000 8615eabd  4de40040c40260ecc3c410c00233a0ce96d0")
        #expect(try PayloadDecoder.decode(payload) == rounded(list))
        #expect(try hex(PayloadEncoder.encode(list, codec: .bands)) == hex(payload))
    }

    /// Falls of nothing and one source: nothing is written of either.
    @Test func bandsOfEqualsAreReadAndWritten() throws {
        let payload = bytes("4e02 04 0800 090000 d25f97e7  097801fe1091a2b3c0")
        #expect(try PayloadDecoder.decode(payload) == equals)
        #expect(try hex(PayloadEncoder.encode(equals, codec: .bands)) == hex(payload))
    }

    /// All planes in one match with the dictionary, but for the five bytes at the end that LZ4 keeps as they are.
    @Test func sharedPlanesOfVersionTwoAreRead() throws {
        let zeros = [UInt8](repeating: 0, count: 32)
        let dictionary = PayloadDictionary(
            bytes("0102030405060708") + zeros + bytes("bc00000000000000 0202020202020202"))
        #expect(dictionary.id == 937_920_137)
        let payload = bytes("4e02 03 0800 380000 bbe5afd8  8986e737  0f 3800 20 50 0202020202")
        #expect(try PayloadDecoder.decode(payload, dictionary: dictionary) == equals)
    }

    private let equals = (1...8).map { Candidate(row: $0, score: 1, source: .transition) }
}
