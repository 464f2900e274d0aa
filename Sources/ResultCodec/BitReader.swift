/// Reads numbers of any few bits, highest bit first, from bytes that eight more may be read behind.
struct BitReader {
    private let bytes: UnsafeRawPointer
    let bitCount: Int
    private(set) var position = 0

    /// - Parameter bytes: `byteCount` of them and eight zeros.
    init(_ bytes: UnsafeRawPointer, byteCount: Int) {
        self.bytes = bytes
        bitCount = 8 * byteCount
    }

    /// Whether what was read so far was there.
    var isInside: Bool { position <= bitCount }

    /// The 57 bits and more at `position`, highest first; ``position`` is inside.
    @inline(__always)
    func window() -> UInt64 {
        let word = unsafe bytes.loadUnaligned(fromByteOffset: position &>> 3, as: UInt64.self)
        return UInt64(bigEndian: word) &<< UInt64(truncatingIfNeeded: position & 7)
    }

    @inline(__always)
    mutating func skip(_ width: Int) { position &+= width }

    /// The next number of `width` bits, 0...56; zero where it is not inside, which ``isInside`` then says.
    mutating func next(_ width: Int) -> Int {
        guard isInside else { return 0 }
        defer { position &+= width }
        return Int(truncatingIfNeeded: BitReader.top(UInt64(width), of: window()))
    }

    /// The highest `width` bits of `word`, 0...63.
    @inline(__always)
    static func top(_ width: UInt64, of word: UInt64) -> UInt64 { (word &>> 1) &>> (63 &- width) }

    /// Reads `count` unary numbers, none above 15, into `numbers`, and writes anything into eight more places.
    /// False where they are cut off or larger.
    mutating func unary(_ count: Int, into numbers: UnsafeMutablePointer<UInt8>) -> Bool {
        guard isInside else { return false }
        guard count > 0 else { return true }
        let table = UnaryByte.all
        var found = 0
        var byteAt = position &>> 3
        var byte = unsafe bytes.load(fromByteOffset: byteAt, as: UInt8.self) & (0xFF &>> UInt8(position & 7))
        // Zeros before this byte; the bits cut off in front of the first number are no zeros of it.
        var zeros = 0 &- (position & 7)
        var seen = 0
        while true {
            let entry = unsafe table[Int(byte)]
            let numbersHere = entry.numbers &+ UInt64(bitPattern: Int64(zeros))
            let counted = Int(entry.count)
            unsafe UnsafeMutableRawPointer(numbers + found).storeBytes(of: numbersHere.littleEndian, as: UInt64.self)
            seen |= counted > 0 ? Int(numbersHere & 0xFF) : 0
            if found &+ counted >= count { break }
            found &+= counted
            zeros = Int(entry.zerosBehind) &+ (counted > 0 ? 0 : zeros)
            byteAt &+= 1
            guard byteAt &<< 3 < bitCount, zeros < 16 else { return false }
            byte = unsafe bytes.load(fromByteOffset: byteAt, as: UInt8.self)
        }
        for _ in 1..<count &- found { byte &= ~(0x80 &>> UInt8(byte.leadingZeroBitCount)) }
        position = byteAt &<< 3 &+ byte.leadingZeroBitCount &+ 1
        return seen < 16
    }
}
