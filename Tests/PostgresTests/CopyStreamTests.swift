import Postgres
import Testing

/// Streams that no sound server sends, made by hand.
@Suite struct CopyStreamTests {
    private static let header = Array("PGCOPY\n".utf8) + [0xff, 0x0d, 0x0a, 0] + [0, 0, 0, 0] + [0, 0, 0, 0]
    private static let trailer: [UInt8] = [0xff, 0xff]

    @Test func rowsMayShareAMessageOrComeOneByOne() throws {
        let expected: [Int32?] = [1, nil, 3]
        let rows = Self.row(1) + Self.row(nil) + Self.row(3)
        #expect(try Self.read([Self.header + rows + Self.trailer]) == expected)
        #expect(try Self.read([Self.header, Self.row(1), Self.row(nil), Self.row(3), Self.trailer]) == expected)
        #expect(try Self.read([Self.header + Self.trailer]) == [])
    }

    @Test func anExtensionOfTheHeaderIsSkipped() throws {
        let header = Self.header.dropLast() + [3, 0xaa, 0xbb, 0xcc]
        #expect(try Self.read([header + Self.row(5) + Self.trailer]) == [5])
    }

    @Test func aStreamWithAnotherStartIsRefused() {
        #expect(Self.refusal(["PGCOPX".utf8 + Self.header.dropFirst(6)]) == "this is not a binary COPY stream")
        #expect(Self.refusal([Array(Self.header.dropLast())]) == "this is not a binary COPY stream")
        var withOIDs = Self.header
        withOIDs[12] = 1
        #expect(Self.refusal([withOIDs + Self.trailer]) == "this binary COPY stream is of an unknown format")
        var endless = Self.header
        endless[15] = 0xff
        #expect(Self.refusal([endless + Self.trailer]) == "this binary COPY stream is of an unknown format")
    }

    @Test func everyCutThroughAStreamIsRefused() {
        let rows = Self.row(1) + Self.row(2)
        for length in rows.indices {
            let refusal = Self.refusal([Self.header + rows[..<length]])
            #expect(refusal != nil, "cut at \(length)")
            // The count of fields, then the field's length and bytes.
            if 12...15 ~= length { #expect(refusal == "row 2, column 1 is cut short") }
            if length == 11 { #expect(refusal == "the COPY stream is garbled after row 1") }
        }
        #expect(Self.refusal([Self.header, Self.row(1)]) == "the COPY stream ends after row 1, too soon")
        #expect(Self.refusal([Self.header + Self.trailer, Self.row(1)]) == "the COPY stream goes on after its end")
    }

    @Test func negativeLengthsAreRefused() {
        #expect(Self.refusal([Self.header + [0, 1, 0xff, 0xff, 0xff, 0xfe]]) == "row 1, column 1 is cut short")
        #expect(Self.refusal([Self.header + [0xff, 0xfe]]) == "the COPY stream is garbled after row 0")
        #expect(Self.refusal([Self.header + [0, 1, 0x7f, 0xff, 0xff, 0xff]]) == "row 1, column 1 is cut short")
    }

    /// One row of one integer, or of NULL.
    private static func row(_ value: Int32?) -> [UInt8] {
        guard let value else { return [0, 1, 0xff, 0xff, 0xff, 0xff] }
        return [0, 1, 0, 0, 0, 4] + withUnsafeBytes(of: value.bigEndian, Array.init)
    }

    private static func read(_ messages: [some Collection<UInt8>]) throws -> [Int32?] {
        var values: [Int32?] = []
        var stream = CopyStream(doing: "reading")
        for message in messages {
            try Array(message).withUnsafeBytes { message in
                try stream.take(message) { row in values.append(try row.optionalInt32()) }
            }
        }
        try stream.finish()
        return values
    }

    private static func refusal(_ messages: [some Collection<UInt8>]) -> String? {
        let error = postgresError { _ = try read(messages) }
        return error?.kind == .malformed ? error?.message : nil
    }
}
