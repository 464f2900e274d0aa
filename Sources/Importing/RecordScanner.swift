import Glibc

/// Finds the fields of one record in a buffer that may end before the record does (RFC 4180).
///
/// Unquoted fields, and quoted ones without a doubled quote, stay where they are; only the others are copied.
struct RecordScanner {
    /// What a buffer turned out to hold at a position.
    enum Finding: Equatable {
        /// The record ends before `end`; the next one begins at `next`.
        case record(end: Int, next: Int, hasQuotes: Bool)
        case brokenQuote
        /// More bytes are needed to tell.
        case incomplete
    }

    private static let newline = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
    private static let quote = UInt8(ascii: "\"")

    var delimiter: UInt8
    /// Fields above this count are counted, not kept.
    let capacity: Int
    /// The bounds of each kept field; a field with doubled quotes has `-1 - end` in place of its end.
    let bounds: UnsafeMutablePointer<(first: Int, end: Int)>
    private(set) var fieldCount = 0
    /// Some kept field has doubled quotes.
    private(set) var hasEscapes = false

    init(delimiter: UInt8, capacity: Int) {
        self.delimiter = delimiter
        self.capacity = capacity
        bounds = .allocate(capacity: capacity)
    }

    func deallocate() { bounds.deallocate() }

    /// - Parameter isLast: nothing follows `end` in the source.
    mutating func scan(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int, isLast: Bool) -> Finding {
        fieldCount = 0
        hasEscapes = false
        var hasQuotes = false
        var position = start
        while true {
            let first = position
            if position < end, bytes[position] == RecordScanner.quote {
                hasQuotes = true
                guard let close = closingQuote(bytes, from: first + 1, to: end) else {
                    return isLast ? .brokenQuote : .incomplete
                }
                position = close + 1
                if !isLast, position == end || (position + 1 == end && bytes[position] == RecordScanner.carriageReturn)
                {
                    return .incomplete
                }
                let isCRLF =
                    position < end && bytes[position] == RecordScanner.carriageReturn
                    && (position + 1 == end || bytes[position + 1] == RecordScanner.newline)
                if isCRLF { position += 1 }
                guard position == end || bytes[position] == delimiter || bytes[position] == RecordScanner.newline else {
                    return .brokenQuote
                }
            } else {
                while position < end, bytes[position] != delimiter, bytes[position] != RecordScanner.newline {
                    position += 1
                }
                if position == end, !isLast { return .incomplete }
                let isLastField = position == end || bytes[position] == RecordScanner.newline
                let isCRLF = isLastField && position > first && bytes[position - 1] == RecordScanner.carriageReturn
                keep(first, isCRLF ? position - 1 : position)
            }
            if position == end || bytes[position] == RecordScanner.newline {
                return .record(end: position, next: min(position + 1, end), hasQuotes: hasQuotes)
            }
            position += 1
        }
    }

    /// Where the quote is that ends the field, which is kept; nil where the buffer ends first.
    private mutating func closingQuote(_ bytes: UnsafePointer<UInt8>, from first: Int, to end: Int) -> Int? {
        var position = first
        var isEscaped = false
        while position < end, let found = memchr(bytes + position, Int32(RecordScanner.quote), end - position) {
            let close = UnsafeRawPointer(found) - UnsafeRawPointer(bytes)
            guard close + 1 < end, bytes[close + 1] == RecordScanner.quote else {
                hasEscapes = hasEscapes || isEscaped
                keep(first, isEscaped ? -1 - close : close)
                return close
            }
            isEscaped = true
            position = close + 2
        }
        return nil
    }

    private mutating func keep(_ first: Int, _ end: Int) {
        if fieldCount < capacity { bounds[fieldCount] = (first, end) }
        fieldCount += 1
    }
}
