import Domain

/// The body of codec 1: rows by popularity are small numbers and falls of score smaller ones, so each takes few bytes.
///
/// StreamVByte rows (2-bit lengths less one, four to a control byte, first lowest; then the bytes themselves), the sortable
/// bits of the first score (2 bytes), LEB128 falls, 4-bit sources (first lowest). Empty for an empty list.
///
/// Source: Lemire, Kurz, Rupp 2018, "Stream VByte: Faster Byte-Oriented Integer Compression", arXiv:1709.08990.
enum PackedBody {
    /// Overwrites `body`.
    static func write(_ list: borrowing RankedList, into body: inout [UInt8]) {
        body.removeAll(keepingCapacity: true)
        guard list.count > 0 else { return }
        writeRows(list, into: &body)
        body.append(UInt8(truncatingIfNeeded: list.firstBits))
        body.append(UInt8(truncatingIfNeeded: list.firstBits >> 8))
        for i in 1..<list.count {
            var rest = list.falls[i]
            while rest >= 0x80 {
                body.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            body.append(UInt8(rest))
        }
        for i in stride(from: 0, to: list.count, by: 2) {
            let high = i + 1 < list.count ? list.sources[i + 1] << 4 : 0
            body.append(list.sources[i] | high)
        }
    }

    private static func writeRows(_ list: borrowing RankedList, into body: inout [UInt8]) {
        body.append(contentsOf: repeatElement(0, count: (list.count + 3) / 4))
        for i in 0..<list.count {
            var rest = list.rows[i]
            var code: UInt8 = 0
            while rest > 0xFF {
                body.append(UInt8(truncatingIfNeeded: rest))
                rest >>= 8
                code += 1
            }
            body.append(UInt8(rest))
            body[i / 4] |= code << UInt8(2 * (i % 4))
        }
    }

    /// The bytes that ``write(_:into:)`` needs at least: as many where every fall fits into one.
    static func fewestBytes(_ list: borrowing RankedList) -> Int {
        guard list.count > 0 else { return 0 }
        var rowBytes = list.count
        for length in 9...32 { rowBytes += Int(list.rowLengths[length]) * ((length - 1) / 8) }
        return (list.count + 3) / 4 + rowBytes + 2 + (list.count - 1) + (list.count + 1) / 2
    }

    /// Fills `list` from exactly the bytes of `body`.
    static func read(
        _ body: UnsafeRawBufferPointer, into list: UnsafeMutableBufferPointer<Candidate>
    ) throws(PayloadError) {
        let n = list.count
        guard n > 0 else {
            guard body.isEmpty else { throw .lengthMismatch(.packed, expected: 0, found: body.count) }
            return
        }
        let controls = (n + 3) / 4
        let sources = (n + 1) / 2
        // Every row and every fall takes a byte at least: with this many, the control bytes are there to be read.
        let shortest = controls + n + 2 + (n - 1) + sources
        guard body.count >= shortest else { throw .lengthMismatch(.packed, expected: shortest, found: body.count) }
        let rowBytes = rowByteCount(body, count: n)
        let expected = shortest - n + rowBytes
        guard body.count >= expected else { throw .lengthMismatch(.packed, expected: expected, found: body.count) }

        let rowsEnd = controls + rowBytes
        var falls = FallReader(bytes: body, position: rowsEnd + 2, end: body.count - sources)
        var rowAt = controls
        var bits = ScoreFall()
        for i in 0..<n {
            let code = body[i / 4] >> UInt8(2 * (i % 4)) & 3
            let row = readRow(body, at: &rowAt, code: code)
            let step =
                i == 0 ? UInt16(body[rowsEnd]) | UInt16(body[rowsEnd + 1]) << 8 : try falls.next(before: i)
            let nibble = body[falls.end + i / 2] >> UInt8(4 * (i % 2)) & 0xF
            guard let source = CandidateSource(rawValue: nibble) else { throw .unknownSource(nibble, at: i) }
            list[i] = Candidate(row: row, score: try bits.score(after: step, at: i), source: source)
        }
        guard falls.position == falls.end else {
            throw .lengthMismatch(.packed, expected: falls.position + sources, found: body.count)
        }
    }

    /// The bytes that the control bytes, which must be there, promise for `count` rows.
    private static func rowByteCount(_ body: UnsafeRawBufferPointer, count n: Int) -> Int {
        var total = n
        for i in 0..<(n / 4) {
            let control = body[i]
            total += Int(control & 3) + Int(control >> 2 & 3) + Int(control >> 4 & 3) + Int(control >> 6)
        }
        for i in (n / 4 * 4)..<n { total += Int(body[i / 4] >> UInt8(2 * (i % 4)) & 3) }
        return total
    }

    /// Loads four bytes and keeps those of the row. Behind the rows lie three bytes at least (the first score and the
    /// sources), so that the load ends inside the body even at a last row of one byte.
    private static func readRow(_ body: UnsafeRawBufferPointer, at position: inout Int, code: UInt8) -> UInt32 {
        let word = UInt32(littleEndian: body.loadUnaligned(fromByteOffset: position, as: UInt32.self))
        position += Int(code) + 1
        return word & (UInt32.max >> UInt32(8 * (3 - code)))
    }
}

/// Reads LEB128 falls up to `end`, where the sources begin.
private struct FallReader {
    let bytes: UnsafeRawBufferPointer
    var position: Int
    let end: Int

    mutating func next(before index: Int) throws(PayloadError) -> UInt16 {
        var fall: UInt32 = 0
        // 16 bits need three bytes of seven.
        for byteIndex: UInt32 in 0..<3 {
            guard position < end else { throw .brokenFall(at: index) }
            let byte = bytes[position]
            position += 1
            fall |= UInt32(byte & 0x7F) << (7 * byteIndex)
            if byte < 0x80 {
                guard let fall = UInt16(exactly: fall) else { throw .brokenFall(at: index) }
                return fall
            }
        }
        throw .brokenFall(at: index)
    }
}
