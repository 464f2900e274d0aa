#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A block of floats on a 64-byte boundary that grows and never shrinks: scratch space and parameters of the model.
///
/// Not safe to share between threads while one of them writes; the pool's workers each own theirs.
package final class FloatBuffer: @unchecked Sendable {
    package private(set) var pointer: UnsafeMutablePointer<Float>
    package private(set) var count: Int
    private var capacity: Int

    /// `count` zeros.
    package init(_ count: Int = 0) {
        capacity = max(count, 16)
        self.count = count
        pointer = FloatBuffer.allocate(capacity)
        pointer.update(repeating: 0, count: capacity)
    }

    deinit { pointer.deallocate() }

    /// Room for `count` floats; what was there is lost, and what is there now is anything.
    @discardableResult
    package func reserve(_ count: Int) -> UnsafeMutablePointer<Float> {
        if count > capacity {
            pointer.deallocate()
            capacity = count + count / 4
            pointer = FloatBuffer.allocate(capacity)
        }
        self.count = count
        return pointer
    }

    /// `count` zeros.
    @discardableResult
    package func zeros(_ count: Int) -> UnsafeMutablePointer<Float> {
        reserve(count).update(repeating: 0, count: count)
        return pointer
    }

    package func copy(from other: FloatBuffer) {
        reserve(other.count).update(from: other.pointer, count: other.count)
    }

    package var values: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: pointer, count: count) }

    /// Floats of the widest tile.
    private static let slack = 64

    /// Bytes from which on a buffer asks for pages of two megabytes: rows of a large table that are met by chance cost a walk
    /// through the page table each otherwise, which no prefetch hides. Encoding with 100,000 items is some 5 % faster (`model-figures encode`, pairs).
    private static let largeFrom = 4 << 20
    private static let largePage = 2 << 20

    private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
        // Kernels read whole tiles: those of the last row may run over the end.
        let bytes = (count + slack) * MemoryLayout<Float>.size, isLarge = bytes >= largeFrom
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? largePage : 64)
        // A request that a system may turn down: pages are small then.
        if isLarge { madvise(memory, bytes, MADV_HUGEPAGE) }
        return memory.bindMemory(to: Float.self, capacity: count + slack)
    }
}
