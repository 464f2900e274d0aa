/// Support and trend of successors as bytes, which `nearline.transition_detail` reads.
///
/// For each, in the order of the payload: its support, seven bits a byte, lowest first, the top bit saying that more
/// follow; its trend in 1/32767, two bytes, lowest first.
enum TransitionDetail {
    private static let steps: Float = 32767

    static func bytes(of details: [(support: Int, trend: Float)]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * details.count)
        for (support, trend) in details {
            var rest = UInt64(support)
            while rest > 0x7F {
                bytes.append(UInt8(rest & 0x7F) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
            let step = UInt16(bitPattern: Int16((max(-1, min(1, trend)) * steps).rounded()))
            bytes.append(UInt8(step & 0xFF))
            bytes.append(UInt8(step >> 8))
        }
        return bytes
    }
}
