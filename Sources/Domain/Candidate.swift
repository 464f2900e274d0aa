/// Why an item is in a list. Raw values are stored in payloads (4 bits): never renumber them.
package enum CandidateSource: UInt8, Sendable, CaseIterable {
    case model = 0
    case `repeat` = 1
    case transition = 2
    case popular = 3

    package var label: String { "\(self)" }
}

/// One place in a list: an item row of the release's dictionary, its score, and why it is there.
package struct Candidate: Equatable, Sendable {
    package var row: UInt32
    package var score: Float
    package var source: CandidateSource

    package init(row: UInt32, score: Float, source: CandidateSource) {
        self.row = row
        self.score = score
        self.source = source
    }
}
