import Domain
import ResultCodec

/// The bytes that a release's lists were compressed with.
struct PayloadDictionary: Sendable {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }
}

extension PayloadDecoder {
    static func decode(
        _ bytes: UnsafeRawBufferPointer, dictionary: PayloadDictionary?, into list: inout [Candidate]
    ) throws(PayloadError) {
        list = try decode(bytes)
    }
}

extension PayloadError {
    /// The dictionary that the payload asks for, where that is why it was not read.
    var missingDictionary: UInt32? { nil }
}
