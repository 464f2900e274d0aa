/// How the body of a payload is written. Raw values are stored: never renumber them, and never reuse 3,
/// which is kept for byte planes under LZ4 with the release's trained dictionary.
package enum PayloadCodec: UInt8, Sendable, CaseIterable {
    /// ``BytePlanes`` as they are.
    case planes = 0
    /// ``PackedBody``.
    case packed = 1
    /// ``BytePlanes`` as one LZ4 block.
    case compressedPlanes = 2
}
