#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What a column said last: where it says the same for many rows on end, a string is made when it changes, and not for every row.
package struct RepeatedText {
    fileprivate var bytes: [UInt8] = []
    fileprivate var text = ""

    package init() {}

    fileprivate func holds(_ new: UnsafeRawBufferPointer) -> Bool {
        bytes.count == new.count && (new.isEmpty || memcmp(bytes, new.baseAddress!, new.count) == 0)
    }
}

extension CopyRow {
    /// The same as ``optionalString()``.
    package mutating func optionalString(repeating last: inout RepeatedText) throws(PostgresError) -> String? {
        guard let bytes = try bytes() else { return nil }
        if !last.holds(bytes) {
            last.text = try text(bytes)
            last.bytes.removeAll(keepingCapacity: true)
            last.bytes.append(contentsOf: bytes)
        }
        return last.text
    }
}
