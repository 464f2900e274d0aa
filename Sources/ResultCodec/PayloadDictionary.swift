import Checksum

/// Bytes that many lists of a release share, so that each list need only say which of them it has.
package struct PayloadDictionary: Sendable, Equatable {
    /// What LZ4 keeps within reach of a list, and more than lists were seen to share.
    package static let largestCapacity = 16384

    package let bytes: [UInt8]
    /// Names these bytes: every payload written with them states it.
    package let id: UInt32

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        // As nearline.payload_checksum has it, so that the table can hold every row to its key.
        id = UInt32(truncatingIfNeeded: Lookup3.hashOfArray(element: bytes.withUnsafeBytes { Lookup3.hash($0) }))
    }
}
