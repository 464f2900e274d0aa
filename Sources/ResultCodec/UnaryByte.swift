/// The unary numbers (so many zeros, then a one) that end in a byte, for each of the 256: a reader that takes a byte at
/// a time has no branch to mispredict at every number.
struct UnaryByte {
    /// One in each byte, first lowest; the first one lacks the zeros of the bytes before.
    let numbers: UInt64
    let count: UInt8
    /// Behind the last one.
    let zerosBehind: UInt8

    /// One for each value of a byte; made once, never freed.
    nonisolated(unsafe) static let all: UnsafePointer<UnaryByte> = {
        let all = UnsafeMutablePointer<UnaryByte>.allocate(capacity: 256)
        for byte in UInt8.min...UInt8.max { unsafe (all + Int(byte)).initialize(to: UnaryByte(byte)) }
        return unsafe UnsafePointer(all)
    }()

    private init(_ byte: UInt8) {
        var numbers: UInt64 = 0
        var count: UInt8 = 0
        var zeros: UInt8 = 0
        for bit in (0..<8).reversed() {
            if byte >> UInt8(bit) & 1 == 0 {
                zeros += 1
            } else {
                numbers |= UInt64(zeros) << UInt64(8 * count)
                count += 1
                zeros = 0
            }
        }
        self.numbers = numbers
        self.count = count
        zerosBehind = zeros
    }
}
