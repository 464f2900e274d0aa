/// How the body of a payload is written. Raw values are stored: never renumber them.
package enum PayloadCodec: UInt8, Sendable, CaseIterable {
    /// ``BytePlanes`` as they are.
    case planes = 0
    /// ``PackedBody``.
    case packed = 1
    /// ``BytePlanes`` as one LZ4 block.
    case compressedPlanes = 2
    /// The id of a ``PayloadDictionary``, then ``BytePlanes`` as one LZ4 block that may refer to it.
    case sharedPlanes = 3
    /// ``BandWriter``: bits.
    case bands = 4

    /// Whether the body, once decompressed, is ``BytePlanes``.
    var isPlanes: Bool { self != .packed && self != .bands }
    var isCompressed: Bool { self == .compressedPlanes || self == .sharedPlanes }
}
