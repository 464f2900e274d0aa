#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A column that says the same for many rows on end: a string is made where it changes, and not for every row.
struct RepeatedText {
    private var bytes: [UInt8] = []
    private var last: String?

    mutating func text(_ new: UnsafeRawBufferPointer?) -> String? {
        guard let new else { return nil }
        if let last, bytes.count == new.count, new.isEmpty || memcmp(bytes, new.baseAddress!, new.count) == 0 {
            return last
        }
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: new)
        last = String(decoding: new, as: UTF8.self)
        return last
    }
}
