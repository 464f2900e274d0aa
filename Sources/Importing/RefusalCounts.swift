/// One row that was left out: where it began, why, and the beginning of its text.
package struct Refusal: Equatable, Sendable {
    package let line: Int
    package let reason: RefusalReason
    /// At most ``RefusalCounts/longestText`` bytes of the record, fit for a PostgreSQL text.
    package let text: String

    package init(line: Int, reason: RefusalReason, text: String) {
        self.line = line
        self.reason = reason
        self.text = text
    }
}

/// Rows left out of an import, counted by reason, with the first few of each kept for a person to look at.
package struct RefusalCounts: Equatable, Sendable {
    package static let samplesPerReason = 5
    package static let longestText = 200

    package private(set) var counts: [RefusalReason: Int] = [:]
    /// In the order met, at most ``samplesPerReason`` for each reason.
    package private(set) var samples: [Refusal] = []

    package init() {}

    package var total: Int { counts.values.reduce(0, +) }

    package func count(of reason: RefusalReason) -> Int { counts[reason, default: 0] }

    mutating func refuse(line: Int, reason: RefusalReason, record: UnsafeBufferPointer<UInt8>) {
        counts[reason, default: 0] += 1
        guard count(of: reason) <= RefusalCounts.samplesPerReason else { return }
        samples.append(Refusal(line: line, reason: reason, text: excerpt(of: record)))
    }

    /// The beginning of a record: bytes that are no UTF-8, and NUL, become U+FFFD; nothing is cut inside a character.
    private func excerpt(of record: UnsafeBufferPointer<UInt8>) -> String {
        let repaired = String(decoding: record.prefix(RefusalCounts.longestText), as: UTF8.self)
        var text = ""
        var byteCount = 0
        for scalar in repaired.unicodeScalars {
            let clean = scalar == "\0" ? "\u{FFFD}" : scalar
            byteCount += UTF8.width(clean)
            guard byteCount <= RefusalCounts.longestText else { break }
            text.unicodeScalars.append(clean)
        }
        let wasCutInsideACharacter = record.count > RefusalCounts.longestText && text.unicodeScalars.last == "\u{FFFD}"
        if wasCutInsideACharacter { text.unicodeScalars.removeLast() }
        return text
    }
}
