import Checksum
import Glibc
import Snapshots

// The format as docs/snapshot-format.md has it, apart from the code under test.

private let tableOffset = 32
private let entryByteCount = 24
private let headerChecksumOffset = tableOffset + 8 * entryByteCount

private func integer(_ bytes: [UInt8], _ offset: Int) -> Int {
    Int(truncatingIfNeeded: (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) })
}

private func store(_ value: UInt64, _ bytes: inout [UInt8], _ offset: Int) {
    for byte in 0..<8 { bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)) }
}

/// Where a section of a whole file lies.
func section(_ section: SnapshotSection, in bytes: [UInt8]) -> Range<Int> {
    let entry = tableOffset + section.rawValue * entryByteCount
    let start = integer(bytes, entry)
    return start..<start + integer(bytes, entry + 8)
}

/// Puts length and checksums that a reader expects into bytes that may be anything.
func reseal(_ bytes: inout [UInt8]) {
    store(UInt64(bytes.count), &bytes, 16)
    for number in 1..<8 {
        let entry = tableOffset + number * entryByteCount
        let (start, length) = (integer(bytes, entry), integer(bytes, entry + 8))
        guard start >= 0, length >= 0, start <= bytes.count, length <= bytes.count - start else { continue }
        let checksum = bytes.withUnsafeBytes {
            Checksum.xxh3(UnsafeRawBufferPointer(rebasing: $0[start..<start + length]))
        }
        store(checksum, &bytes, entry + 16)
    }
    let checksum = bytes.withUnsafeBytes {
        Checksum.xxh3(UnsafeRawBufferPointer(rebasing: $0[..<headerChecksumOffset]))
    }
    store(checksum, &bytes, headerChecksumOffset)
}

/// Room of whole pages, with far more behind it that may not be read.
func withForbiddenPages(room: Int, _ work: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    let pageSize = sysconf(Int32(_SC_PAGESIZE))
    let byteCount = (room + pageSize - 1) / pageSize * pageSize
    let forbidden = 1 << 36
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    let start = mmap(nil, byteCount + forbidden, PROT_NONE, flags, -1, 0)!
    precondition(start != MAP_FAILED && mprotect(start, byteCount, PROT_READ | PROT_WRITE) == 0)
    defer { munmap(start, byteCount + forbidden) }
    try work(UnsafeMutableRawBufferPointer(start: start, count: byteCount))
}
