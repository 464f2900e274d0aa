/// Why a list was not written as a payload, or bytes were not read as one. `at` counts candidates from 0.
package enum PayloadError: Error, Equatable, Sendable {
    // What only a writer meets.
    case tooManyCandidates(Int)
    case nonFiniteScore(at: Int)
    /// Finite, but beyond what float16 holds.
    case scoreOutOfRange(Float, at: Int)
    case duplicateRow(UInt32, at: Int)

    /// A writer: the score rises. A reader: the falls add up to less than any finite score.
    case scoresNotFalling(at: Int)

    // What only a reader meets.
    case tooShort(byteCount: Int)
    case badMagic(UInt8)
    case unknownVersion(UInt8)
    case checksumMismatch(stored: UInt32, computed: UInt32)
    case unknownCodec(UInt8)
    case reservedByteInUse(UInt8)
    /// The body, stored or decompressed, is not as long as the header and its own lengths say.
    case lengthMismatch(PayloadCodec, expected: Int, found: Int)
    case brokenCompression(rawLength: Int)
    case brokenFall(at: Int)
    /// `at` is nil where it stands in a table of the list's sources.
    case unknownSource(UInt8, at: Int?)
    /// The bits of a candidate are cut off, or stand for a row or a source that there is not.
    case brokenBands(at: Int)
    /// It refers to a dictionary that the reader was not given.
    case missingDictionary(UInt32)
}

extension PayloadError: CustomStringConvertible {
    package var description: String { "\(fact); \(remedy)" }

    private var fact: String {
        switch self {
        case .tooManyCandidates(let count):
            "the list has \(count) candidates, a payload holds \(PayloadHeader.longestList)"
        case .nonFiniteScore(let index): "the score of candidate \(index) is not a finite number"
        case .scoreOutOfRange(let score, let index):
            "candidate \(index) has score \(score), a payload holds \(-SortableHalf.largest) to \(SortableHalf.largest)"
        case .duplicateRow(let row, let index): "candidate \(index) repeats item row \(row)"
        case .scoresNotFalling(let index): "the score of candidate \(index) does not follow the one before it downwards"
        case .tooShort(let byteCount):
            "the payload has \(byteCount) bytes, its header alone needs \(PayloadHeader.byteCount)"
        case .badMagic(let byte): "the payload begins with byte \(byte), not \(PayloadHeader.magic)"
        case .unknownVersion(let version):
            "the payload has version \(version), this reader knows \(PayloadHeader.oldVersion) "
                + "and \(PayloadHeader.version)"
        case .checksumMismatch(let stored, let computed):
            "the payload states checksum \(stored) and has \(computed)"
        case .unknownCodec(let codec):
            "the payload has codec \(codec), this reader knows 0 to \(PayloadCodec.allCases.count - 1)"
        case .reservedByteInUse(let byte): "the payload's reserved byte is \(byte), this reader knows 0"
        case .lengthMismatch(let codec, let expected, let found):
            "the payload's \(codec) body should have \(expected) bytes and has \(found)"
        case .brokenCompression(let rawLength):
            "the payload's LZ4 block does not decompress to \(rawLength) bytes"
        case .brokenFall(let index): "the fall of score before candidate \(index) is cut off or too large"
        case .unknownSource(let source, let index?): "candidate \(index) has source \(source), which is not known here"
        case .unknownSource(let source, nil): "the payload has source \(source), which is not known here"
        case .brokenBands(let index): "the bits of candidate \(index) are cut off or do not fit together"
        case .missingDictionary(let id): "the payload was written with dictionary \(id), which is not at hand"
        }
    }

    private var remedy: String {
        switch self {
        case .tooManyCandidates: "keep fewer candidates per user"
        case .nonFiniteScore, .scoreOutOfRange: "check the model that scored it, then rerun"
        case .duplicateRow, .scoresNotFalling: "a list is ranked best first and holds an item once: rank it again"
        case .unknownVersion, .unknownCodec, .reservedByteInUse, .unknownSource:
            "a newer reader is needed: upgrade Nearline here"
        case .tooShort, .badMagic: "is this column or file one that Nearline wrote?"
        case .missingDictionary: "read it with its row of nearline.payload_dictionary"
        case .checksumMismatch, .lengthMismatch, .brokenCompression, .brokenFall, .brokenBands:
            "the bytes were damaged: publish the release again, or roll back"
        }
    }
}
