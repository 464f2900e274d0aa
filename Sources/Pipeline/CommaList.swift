import Domain

/// Names with commas between, where names may hold commas themselves: the commas that count are those between names.
package struct CommaList {
    private let pieces: [String]

    package init(_ text: String) {
        pieces = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// What could be a name: every run of pieces, and each without the blanks in front.
    package var possible: [String] {
        pieces.indices.flatMap { begin in
            (begin + 1...pieces.count).flatMap { end in Self.spellings(pieces[begin..<end]) }
        }
    }

    /// The names in their order, the longest that begins at a place first; nil where some piece belongs to none.
    package func names(_ known: Set<ExternalID>) -> [String]? {
        var hopeless: Set<Int> = []
        func names(from begin: Int) -> [String]? {
            guard begin < pieces.count else { return [] }
            guard !hopeless.contains(begin) else { return nil }
            for end in stride(from: pieces.count, to: begin, by: -1) {
                for name in Self.spellings(pieces[begin..<end]) where known.contains(.text(name)) {
                    if let rest = names(from: end) { return [name] + rest }
                }
            }
            hopeless.insert(begin)
            return nil
        }
        return names(from: 0)
    }

    /// Every piece by itself, without the blanks in front.
    package var single: [String] { pieces.map { String($0.drop { $0 == " " }) } }

    private static func spellings(_ run: ArraySlice<String>) -> [String] {
        let name = run.joined(separator: ","), bare = String(name.drop { $0 == " " })
        return name == bare ? [name] : [name, bare]
    }
}
