import Checksum
import Domain
import Postgres
import Testing

@Suite struct Lookup3Tests {
    private let database: UnpackDatabase

    init() throws { database = try UnpackDatabase() }

    @Test func swiftAndTheServerHashBytesOfAllLengthsAlike() throws {
        var random = SeededGenerator(seed: 41)
        for length in 0...600 {
            let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let row = try database.connection.execute(
                "SELECT hash_array_extended(ARRAY[$1::bytea], 0) AS whole, nearline.payload_checksum($1) AS short",
                [.bytes(bytes)], doing: "hashing")[0]
            let hash = Lookup3.hashOfArray(element: bytes.withUnsafeBytes { Lookup3.hash($0) })
            #expect(try UInt64(bitPattern: Int64(row.int("whole"))) == hash, "\(length) bytes")
            #expect(try row.int("short") == Int(hash & 0xFFFF_FFFF))
        }
    }

    @Test func aPrefixAndARestHashAsOnePiece() {
        var random = SeededGenerator(seed: 42)
        for length in 0...100 {
            let rest = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let prefix = random.next()
            let whole = (0..<8).map { UInt8(truncatingIfNeeded: prefix >> (8 * $0)) } + rest
            let expected = whole.withUnsafeBytes { Lookup3.hash($0) }
            #expect(rest.withUnsafeBytes { Lookup3.hash(prefix: prefix, $0) } == expected, "\(length) bytes")
        }
    }
}
