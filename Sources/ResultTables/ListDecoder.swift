import Domain
import ResultCodec

/// Reads the stored lists of one release: the one place that knows what besides the bytes that takes.
struct ListDecoder: Sendable {
    init(dictionary: [UInt8]? = nil) {}

    func decode(_ payload: UnsafeRawBufferPointer) throws(PayloadError) -> [Candidate] {
        try PayloadDecoder.decode(payload)
    }
}
