/// Appends numbers of any few bits, highest bit first, as PL/pgSQL reads them with `substring(bits FROM p FOR w)`.
///
/// Every call stores eight bytes and moves on by those that are full: no branch to mispredict. So eight bytes more than
/// are used must be there.
struct BitWriter {
    private let start: UnsafeMutableRawPointer
    private var next: UnsafeMutableRawPointer
    /// The bits that do not fill a byte yet, lowest last.
    private var pending: UInt64 = 0
    private var pendingCount: UInt64 = 0

    init(into bytes: UnsafeMutableRawPointer) {
        start = bytes
        next = bytes
    }

    /// - Parameter width: 0...56; `value` has no bit above it.
    @inline(__always)
    mutating func append(_ value: UInt64, width: UInt64) {
        pending = pending &<< width | value
        pendingCount &+= width
        // In two steps, as there may be no pending bit: a shift by 64 is one by 0 to the processor.
        let aligned = (pending &<< 1) &<< (63 &- pendingCount)
        unsafe next.storeBytes(of: aligned.bigEndian, as: UInt64.self)
        unsafe next += Int(truncatingIfNeeded: pendingCount &>> 3)
        pendingCount &= 7
    }

    @inline(__always)
    mutating func append(_ value: Int, width: Int) {
        append(UInt64(truncatingIfNeeded: value), width: UInt64(truncatingIfNeeded: width))
    }

    /// The bytes written so far, the last one filled up with zeros.
    var byteCount: Int { unsafe (next - start) + (pendingCount > 0 ? 1 : 0) }
}
