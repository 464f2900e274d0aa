import Domain
import ResultCodec
import Testing

/// Bytes of version 1, made once and kept: whatever becomes of the writer, tables and snapshots hold these.
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
}
