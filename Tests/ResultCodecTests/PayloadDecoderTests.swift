import Domain
import ResultCodec
import Testing

@Suite struct PayloadDecoderTests {
    private func refusal(_ payload: [UInt8]) -> PayloadError? {
        do {
            _ = try PayloadDecoder.decode(payload, dictionary: .drawn)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: PayloadCodec.allCases)
    func everyFlippedBitIsRefused(_ codec: PayloadCodec) throws {
        var drawn = DrawnList(seed: 5)
        for count in [0, 1, 30, 100] {
            let payload = try PayloadEncoder.encode(drawn.draw(count), codec: codec, dictionary: .drawn)
            for bit in 0..<(8 * payload.count) {
                var flipped = payload
                flipped[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(refusal(flipped) != nil, "bit \(bit)")
            }
        }
    }

    @Test(arguments: PayloadCodec.allCases)
    func everyTruncationIsRefusedAndSoIsAByteTooMany(_ codec: PayloadCodec) throws {
        var drawn = DrawnList(seed: 6)
        let payload = try PayloadEncoder.encode(drawn.draw(40), codec: codec, dictionary: .drawn)
        for length in 0..<payload.count {
            let cut = Array(payload[..<length])
            #expect(refusal(cut) != nil, "\(length) bytes")
            if length >= 12 { #expect(refusal(sealed(cut)) != nil, "\(length) bytes, with a correct checksum") }
        }
        #expect(refusal(payload + [0]) != nil)
        #expect(refusal(sealed(payload + [0])) != nil)
        #expect(refusal(payload) == nil)
    }

    @Test func aPayloadShorterThanItsHeaderIsTooShort() {
        #expect(refusal([]) == .tooShort(byteCount: 0))
        #expect(refusal(Array(sealed(codec: 0, count: 0, [])[..<11])) == .tooShort(byteCount: 11))
        #expect(refusal(sealed(codec: 0, count: 0, [])) == nil)
    }

    @Test func aForeignFirstByteAndANewerVersionAreNamed() {
        var payload = sealed(codec: 0, count: 0, [])
        payload[0] = 0x4D
        #expect(refusal(payload) == .badMagic(0x4D))
        payload[0] = 0x4E
        payload[1] = 3
        #expect(refusal(sealed(payload)) == .unknownVersion(3))
    }

    @Test func codecFiveAsksForANewerReader() {
        #expect(refusal(sealed(codec: 5, count: 1, [1, 2, 3])) == .unknownCodec(5))
        #expect("\(PayloadError.unknownCodec(5))".contains("a newer reader is needed"))
    }

    @Test(arguments: [3, 4] as [UInt8])
    func versionOneHasNoCodecsThreeAndFour(_ codec: UInt8) {
        #expect(refusal(oldVersion(sealed(codec: codec, count: 1, [1, 2, 3]))) == .unknownCodec(codec))
    }

    @Test func aDictionaryThatIsNotAtHandIsNamed() throws {
        let list = [Candidate(row: 1, score: 1, source: .model)]
        let payload = try PayloadEncoder.encode(list, codec: .sharedPlanes, dictionary: .drawn)
        let missing = PayloadError.missingDictionary(PayloadDictionary.drawn.id)
        #expect(throws: missing) { try PayloadDecoder.decode(payload) }
        #expect(throws: missing) { try PayloadDecoder.decode(payload, dictionary: PayloadDictionary([1, 2, 3])) }
        #expect(try PayloadDecoder.decode(payload, dictionary: .drawn) == list)
        #expect("\(missing)".contains("nearline.payload_dictionary"))
    }

    @Test func aReservedByteInUseAsksForANewerReader() {
        var payload = oldVersion(sealed(codec: 0, count: 0, []))
        payload[3] = 1
        #expect(refusal(sealed(payload)) == .reservedByteInUse(1))
    }

    @Test func aBodyOfAnotherLengthThanStatedIsRefused() {
        let planes = [UInt8](repeating: 0, count: 7)
        #expect(
            refusal(sealed(codec: 0, count: 1, rawLength: 8, planes))
                == .lengthMismatch(.planes, expected: 8, found: 7))
        #expect(refusal(sealed(codec: 0, count: 2, planes)) == .lengthMismatch(.planes, expected: 14, found: 7))
        #expect(
            refusal(sealed(codec: 2, count: 2, rawLength: 7, planes))
                == .lengthMismatch(.compressedPlanes, expected: 14, found: 7))
        #expect(refusal(sealed(codec: 1, count: 0, [0])) == .lengthMismatch(.packed, expected: 0, found: 1))
        #expect(
            refusal(sealed(codec: 1, count: 1, rawLength: 6, [0, 5, 0, 0x80, 0]))
                == .lengthMismatch(.packed, expected: 6, found: 5))
    }

    @Test func packedRowsThatReachBeyondTheBodyAreRefused() {
        #expect(refusal(sealed(codec: 1, count: 1, [0, 5, 0, 0x80, 0])) == nil)
        #expect(
            refusal(sealed(codec: 1, count: 1, [3, 5, 0, 0x80, 0]))
                == .lengthMismatch(.packed, expected: 8, found: 5))
    }

    @Test func packedFallsThatEndTooLateOrTooEarlyAreRefused() {
        // Two rows, first score 0, a fall of 1 in the byte before the sources.
        #expect(refusal(sealed(codec: 1, count: 2, [0, 5, 6, 0, 0x80, 1, 0])) == nil)
        #expect(refusal(sealed(codec: 1, count: 2, [0, 5, 6, 0, 0x80, 0x81, 0])) == .brokenFall(at: 1))
        #expect(
            refusal(sealed(codec: 1, count: 2, [0, 5, 6, 0, 0x80, 1, 0, 0]))
                == .lengthMismatch(.packed, expected: 7, found: 8))
    }

    @Test func aFallOfMoreThan16BitsIsRefused() {
        let first: [UInt8] = [0, 5, 6, 0xFF, 0xFB]
        #expect(refusal(sealed(codec: 1, count: 2, first + [0xFF, 0xEF, 0x03, 0])) == nil)
        #expect(refusal(sealed(codec: 1, count: 2, first + [0x80, 0x80, 0x04, 0])) == .brokenFall(at: 1))
        #expect(refusal(sealed(codec: 1, count: 2, first + [0x80, 0x80, 0x80, 0x01, 0])) == .brokenFall(at: 1))
    }

    @Test func scoresThatAreNotFiniteOrFallBelowAllAreRefused() {
        // One candidate of row 0: low byte, high byte of the sortable bits.
        func one(_ low: UInt8, _ high: UInt8) -> [UInt8] { sealed(codec: 0, count: 1, [0, 0, 0, 0, low, high, 0]) }
        #expect(refusal(one(0xFF, 0xFB)) == nil)
        #expect(refusal(one(0x00, 0xFC)) == .scoresNotFalling(at: 0))
        #expect(refusal(one(0x00, 0x04)) == nil)
        #expect(refusal(one(0xFF, 0x03)) == .scoresNotFalling(at: 0))
        let belowAll = [UInt8](repeating: 0, count: 8) + [0, 1, 0x80, 0x80, 0, 0]
        #expect(refusal(sealed(codec: 0, count: 2, belowAll)) == .scoresNotFalling(at: 1))
    }

    @Test func aSourceThatIsNotKnownAsksForANewerReader() {
        #expect(refusal(sealed(codec: 0, count: 1, [0, 0, 0, 0, 0, 0x80, 4])) == .unknownSource(4, at: 0))
        #expect(refusal(sealed(codec: 1, count: 2, [0, 5, 6, 0, 0x80, 1, 0x70])) == .unknownSource(7, at: 1))
    }

    @Test func anLZ4BlockThatDoesNotFillThePlanesIsRefused() {
        let planes: [UInt8] = [5, 0, 0, 0, 0, 0x80, 0]
        #expect(refusal(sealed(codec: 2, count: 1, rawLength: 7, [0x70] + planes)) == nil)
        let broken: [[UInt8]] = [
            [], [0x70], [0x60] + planes[..<6], [0x70] + planes + [0], [0x1F, 0, 0, 0], [0x13, 0, 1, 0],
            [0xF0, 255, 255],
        ]
        for block in broken {
            #expect(
                refusal(sealed(codec: 2, count: 1, rawLength: 7, block)) == .brokenCompression(rawLength: 7),
                "\(block)")
        }
    }
}
