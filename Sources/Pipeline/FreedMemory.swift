#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

enum FreedMemory {
    /// Hands what was freed back to the system. An allocator keeps it for blocks of the same kind, so that a process would
    /// hold the memory of two stages at once where these need quite different ones.
    ///
    /// By name, as not every C library has it (glibc: `malloc_trim`), and without it nothing but memory is lost.
    static func giveBack() {
        typealias Trim = @convention(c) (_ spared: Int) -> Int32
        guard let found = dlsym(nil, "malloc_trim") else { return }
        _ = unsafeBitCast(found, to: Trim.self)(0)
    }
}
