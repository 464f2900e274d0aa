import Domain

/// Vocabulary rows by item key, for a look per event: whole numbers in an open table, a line of cache each; other keys in the
/// vocabulary's own dictionary.
struct ItemRows {
    private let vocabulary: Vocabulary
    private let numbers: KeyNumbers<UInt64>?

    init(_ vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
        guard [.int, .bigint].contains(vocabulary.itemType) else {
            numbers = nil
            return
        }
        let numbers = KeyNumbers<UInt64>()
        for case .integer(let key) in vocabulary.items { _ = numbers.number(of: UInt64(bitPattern: key)) }
        // Numbers are rows where no key stands twice.
        self.numbers = numbers.count == vocabulary.count ? numbers : nil
    }

    @inline(__always)
    func row(of item: ExternalID) -> Int32? {
        guard let numbers, case .integer(let key) = item else { return vocabulary.row(of: item) }
        return numbers.knownNumber(of: UInt64(bitPattern: key)).map(Int32.init)
    }
}
