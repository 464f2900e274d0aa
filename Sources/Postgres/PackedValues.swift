/// Values laid end to end in one buffer, with a pointer to each: the `char **` arguments of libpq.
struct PackedValues {
    private var bytes: [UInt8] = []
    /// Where each value starts in `bytes`; nil for NULL.
    private var starts: [Int?] = []
    private(set) var lengths: [Int32] = []

    init() {}

    /// The strings, then a NULL that ends the array.
    init(nullTerminated strings: [String]) {
        for string in strings { append(string) }
        appendNull()
    }

    mutating func appendNull() {
        starts.append(nil)
        lengths.append(0)
    }

    mutating func append(_ text: String) { append(bytes: text.utf8) }

    /// A zero byte follows each value, so that text is a C string.
    mutating func append(bytes value: some Collection<UInt8>) {
        starts.append(bytes.count)
        lengths.append(Int32(value.count))
        bytes.append(contentsOf: value)
        bytes.append(0)
    }

    func withPointers<T>(_ body: (UnsafePointer<UnsafePointer<CChar>?>) -> T) -> T {
        bytes.withUnsafeBytes { bytes in
            let pointers = starts.map { start in
                start.map { (bytes.baseAddress! + $0).assumingMemoryBound(to: CChar.self) }
            }
            return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
        }
    }
}
