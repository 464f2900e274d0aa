import Domain
import ResultCodec
import Testing

@Suite struct PayloadSealTests {
    /// Payloads of many lengths side by side, a byte of something else between them.
    @Test(arguments: 0..<12)
    func payloadsThatAreSealedTogetherAreThoseSealedAlone(_ lists: Int) throws {
        var drawn = DrawnList(seed: UInt64(lists))
        var encoder = PayloadEncoder()
        var buffer: [UInt8] = [], expected: [UInt8] = [], payload: [UInt8] = []
        var places: [Range<Int>] = []
        for number in 0..<lists {
            let list = drawn.draw([100, 3, 250, 1, 0, 17][(number + lists) % 6])
            try encoder.encode(list.span, into: &payload, isSealed: false)
            buffer += [0xAB]
            places.append(buffer.count..<buffer.count + payload.count)
            buffer += payload
            try encoder.encode(list.span, into: &payload)
            expected += [0xAB] + payload
        }
        #expect(lists == 0 || buffer != expected)
        buffer.withUnsafeMutableBytes { PayloadSeal.seal(places, in: $0) }
        #expect(buffer == expected)
    }
}
