import CBands
import Checksum

/// Writes the checksums of many payloads that lie in one buffer: of four at a time, which is three times as fast.
package enum PayloadSeal {
    /// What is hashed in fours begins with so many bytes at least.
    private static let fewest = 16

    /// - Parameter payloads: where those lie that ``PayloadEncoder`` left without a checksum.
    package static func seal(_ payloads: [Range<Int>], in buffer: UnsafeMutableRawBufferPointer) {
        var place = 0
        while place < payloads.count {
            if payloads.count - place >= 4, payloads[place..<place + 4].allSatisfy({ $0.count >= fewest }) {
                sealFour(payloads[place..<place + 4], in: buffer)
                place += 4
            } else {
                sealOne(payloads[place], in: buffer)
                place += 1
            }
        }
    }

    private static func sealFour(_ payloads: ArraySlice<Range<Int>>, in buffer: UnsafeMutableRawBufferPointer) {
        let bytes = buffer.bindMemory(to: UInt8.self).baseAddress!
        let first = payloads.startIndex
        withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<UInt8>?.self, capacity: 4) { begins in
            withUnsafeTemporaryAllocation(of: Int.self, capacity: 4) { counts in
                for lane in 0..<4 {
                    unsafe begins.initializeElement(at: lane, to: bytes + payloads[first + lane].lowerBound)
                    counts.initializeElement(at: lane, to: payloads[first + lane].count)
                }
                unsafe nearline_seal_four(begins.baseAddress, counts.baseAddress)
            }
        }
    }

    /// What ``sealFour(_:in:)`` does of each, step by step.
    private static func sealOne(_ payload: Range<Int>, in buffer: UnsafeMutableRawBufferPointer) {
        let prefix = UInt64(
            littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: payload.lowerBound, as: UInt64.self))
        let body = buffer[payload.lowerBound + PayloadHeader.byteCount..<payload.upperBound]
        let checksum = PayloadHeader.checksum(prefix: prefix, UnsafeRawBufferPointer(rebasing: body))
        unsafe buffer.storeBytes(
            of: checksum.littleEndian, toByteOffset: payload.lowerBound + PayloadHeader.checksumOffset, as: UInt32.self)
    }
}
