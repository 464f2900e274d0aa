import Glibc

/// Reads records of a CSV or TSV file one by one in constant memory, gzip or plain, from a path or standard input (`-`).
///
/// The delimiter (comma, tab or semicolon) is the one that the header line has most of. Quotes, embedded newlines, CRLF,
/// a byte order mark, empty lines and a missing last newline are as people's tools write them. A record that cannot be
/// read has a ``fault`` and no fields; reading goes on at the next line, so that a stray quote costs one line, not a file.
package final class DelimitedReader {
    /// In bytes; more than this is a broken file, not a record.
    package static let longestRecord = 1 << 20
    package static let mostColumns = 1600
    /// Room for the longest record wherever it begins, and for an unclosed quote to show itself.
    private static let bufferByteCount = 2 << 20

    /// The names of the columns, without spaces around them.
    package private(set) var header: [String] = []
    /// Where the current record began, from 1.
    package private(set) var line = 0
    /// Why the current record has no fields.
    package private(set) var fault: RefusalReason?

    private let source: ByteSource
    private let buffer: UnsafeMutablePointer<UInt8>
    /// Fields with doubled quotes, undoubled; never more than their record is long.
    private let unescaped: UnsafeMutablePointer<UInt8>
    private var scanner: RecordScanner
    /// The current record, and where the next one begins.
    private var recordStart = 0
    private var recordEnd = 0
    private var position = 0
    private var end = 0
    private var isSourceExhausted = false
    private var linesBefore = 0
    private var linesInRecord = 0
    /// The current record has no end in the buffer: its rest is still to be passed over.
    private var isUnfinished = false

    package init(path: String) throws(ImportError) {
        source = try ByteSource(path: path)
        buffer = .allocate(capacity: DelimitedReader.bufferByteCount)
        unescaped = .allocate(capacity: DelimitedReader.bufferByteCount)
        scanner = RecordScanner(delimiter: UInt8(ascii: ","), capacity: DelimitedReader.mostColumns)
        try readHeader()
    }

    deinit {
        scanner.deallocate()
        unescaped.deallocate()
        buffer.deallocate()
    }

    package var path: String { source.path }

    /// How much of the file has been read, 0 to 1, for a progress bar; nil for a pipe.
    package var fractionRead: Double? { source.fractionRead }

    /// Moves to the next record; false at the end of the file.
    package func next() throws(ImportError) -> Bool {
        if isUnfinished { try passRestOfLine() }
        repeat {
            linesBefore += linesInRecord
            linesInRecord = 0
            guard try findRecord() else { return false }
        } while isEmptyLine
        line = linesBefore + 1
        if scanner.hasEscapes, fault == nil { unescapeFields() }
        return true
    }

    /// Fields of the current record, which need not be as many as the header has; 0 where it has a ``fault``.
    package var fieldCount: Int { fault == nil ? scanner.fieldCount : 0 }

    /// The bytes of one field, unquoted; valid until the next ``next()``.
    package func field(_ index: Int) -> UnsafeBufferPointer<UInt8> {
        precondition(index >= 0 && index < min(fieldCount, scanner.capacity), "the record has no field \(index)")
        let (first, end) = scanner.bounds[index]
        // Undoubled fields lie in their own memory; their ends are still marked.
        guard end < 0 else { return FieldBytes(start: buffer + first, count: end - first) }
        return FieldBytes(start: unescaped + first, count: -1 - end - first)
    }

    /// The current record as the file has it, without its line ending; valid until the next ``next()``.
    package var record: UnsafeBufferPointer<UInt8> {
        let hasReturn = recordEnd > recordStart && buffer[recordEnd - 1] == UInt8(ascii: "\r")
        return FieldBytes(start: buffer + recordStart, count: recordEnd - recordStart - (hasReturn ? 1 : 0))
    }
}

extension DelimitedReader {
    private func readHeader() throws(ImportError) {
        try fill()
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if end >= mark.count, mark.indices.allSatisfy({ buffer[$0] == mark[$0] }) { position = mark.count }
        scanner.delimiter = likeliestDelimiter()
        guard try next() else { throw .emptyFile(path: path) }
        guard fault == nil else { throw .brokenHeader(path: path) }
        guard fieldCount <= DelimitedReader.mostColumns else {
            throw .tooManyColumns(path: path, found: fieldCount, allowed: DelimitedReader.mostColumns)
        }
        for index in 0..<fieldCount {
            guard let name = field(index).trimmed.text else { throw .notUTF8(path: path) }
            header.append(name)
        }
    }

    /// The candidate that the first line with any text has most of outside quotes; a comma where it has none.
    private func likeliestDelimiter() -> UInt8 {
        let candidates = [UInt8(ascii: ","), UInt8(ascii: "\t"), UInt8(ascii: ";")]
        var counts = [0, 0, 0]
        var isQuoted = false
        var hasText = false
        for byte in UnsafeBufferPointer(start: buffer + position, count: end - position) {
            if byte == UInt8(ascii: "\n"), !isQuoted, hasText { break }
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") { hasText = true }
            if !isQuoted, let index = candidates.firstIndex(of: byte) { counts[index] += 1 }
        }
        let most = counts.max()!
        return candidates[counts.firstIndex(of: most)!]
    }

    /// Sets the bounds of the next record or its fault; false where nothing is left.
    private func findRecord() throws(ImportError) -> Bool {
        fault = nil
        if position == end { try fill() }
        guard position < end else { return false }
        var finding = scanner.scan(buffer, from: position, to: end, isLast: isSourceExhausted)
        if finding == .incomplete {
            try fill()
            finding = scanner.scan(buffer, from: position, to: end, isLast: isSourceExhausted)
        }
        recordStart = position
        guard case .record(let recordEnd, let next, let hasQuotes) = finding else {
            stopAtLineEnd()
            return true
        }
        self.recordEnd = recordEnd
        linesInRecord = 1
        if hasQuotes { linesInRecord += record.count { $0 == UInt8(ascii: "\n") } }
        position = next
        if recordEnd - recordStart > DelimitedReader.longestRecord { fault = .overlongLine }
        return true
    }

    /// Makes the rest of the current line the record, with a fault, as its quotes lead nowhere.
    private func stopAtLineEnd() {
        let newline = memchr(buffer + position, Int32(UInt8(ascii: "\n")), end - position)
        recordEnd = newline.map { UnsafeRawPointer($0) - UnsafeRawPointer(buffer) } ?? end
        isUnfinished = newline == nil && !isSourceExhausted
        let isOverlong = recordEnd - recordStart > DelimitedReader.longestRecord
        fault = isOverlong ? .overlongLine : .brokenQuote
        position = min(recordEnd + 1, end)
        linesInRecord = 1
    }

    /// Moves what is left of the buffer to its front and reads behind it until it is full.
    private func fill() throws(ImportError) {
        let left = end - position
        if position > 0 { memmove(buffer, buffer + position, left) }
        position = 0
        end = left
        guard !isSourceExhausted else { return }
        let room = DelimitedReader.bufferByteCount - end
        let count = try source.read(into: buffer + end, upTo: room)
        isSourceExhausted = count < room
        end += count
    }

    private func passRestOfLine() throws(ImportError) {
        isUnfinished = false
        while true {
            position = end
            try fill()
            guard end > 0 else { return }
            if let newline = memchr(buffer, Int32(UInt8(ascii: "\n")), end) {
                position = UnsafeRawPointer(newline) - UnsafeRawPointer(buffer) + 1
                return
            }
        }
    }

    private var isEmptyLine: Bool { fault == nil && record.isEmpty }

    private func unescapeFields() {
        let quote = UInt8(ascii: "\"")
        var used = 0
        for index in 0..<min(scanner.fieldCount, scanner.capacity) where scanner.bounds[index].end < 0 {
            let first = used
            var from = scanner.bounds[index].first
            let end = -1 - scanner.bounds[index].end
            while from < end {
                unescaped[used] = buffer[from]
                used += 1
                from += buffer[from] == quote ? 2 : 1
            }
            scanner.bounds[index] = (first, -1 - used)
        }
    }
}
