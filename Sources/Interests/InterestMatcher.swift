/// What an answer of the model comes to.
package enum InterestMatch: Sendable, Equatable {
    case cluster(Int)
    case invalid(Reason)

    package enum Reason: String, Sendable, CaseIterable {
        case empty
        case unknownName = "unknown name"
        /// One of the user's own clusters: nothing new.
        case partOfKey = "part of the key"
        /// Two clusters at once.
        case ambiguous
    }

    package var cluster: Int? {
        if case .cluster(let id) = self { id } else { nil }
    }
}

/// Reads a cluster out of an answer: its name or the number of its line, whatever the case, spaces and punctuation.
///
/// In this order: the whole first line is a name; it begins with a number and goes on as that line does; one new name
/// only stands in a short answer. A name beside another line's number wins, as small models begin lists of their own
/// with 1. A cluster that was not on the list is as good as one that was.
package struct InterestMatcher: Sendable {
    private let idsByName: [[Substring]: [Int]]
    private let longestName: Int

    /// Answers of more words are prose, in which a name may stand for anything.
    private static let longestAnswer = 24

    package init(_ clusters: [ClusterDescription]) {
        idsByName = Dictionary(grouping: clusters, by: { words(of: $0.name) }).mapValues { $0.map(\.id) }
            .filter { !$0.key.isEmpty }
        longestName = idsByName.keys.map(\.count).max() ?? 0
    }

    package func match(_ output: String, to prompt: InterestPrompt, key: InterestKey) -> InterestMatch {
        let text = answerText(of: output)
        let all = words(of: text)
        guard
            let line = text.split(whereSeparator: \.isNewline).map({ words(of: String($0)) }).first(where: {
                !$0.isEmpty
            })
        else { return .invalid(.empty) }
        if let named = idsByName[line] { return decide(Set(named), key) }
        if prompt.isNumbered, let number = Int(line[0]) {
            return matchNumber(number, rest: Array(line.dropFirst()), prompt, key)
        }
        guard all.count <= InterestMatcher.longestAnswer else { return .invalid(.unknownName) }
        return decide(mentioned(in: all), key)
    }

    private func matchNumber(
        _ number: Int, rest: [Substring], _ prompt: InterestPrompt, _ key: InterestKey
    ) -> InterestMatch {
        guard prompt.candidates.indices.contains(number - 1) else {
            return decide(mentioned(in: rest), key)
        }
        let numbered = prompt.candidates[number - 1], name = words(of: prompt.names[number - 1])
        // Cut short by the limit of tokens, or followed by the text of the line.
        let goesOnAsTheLine =
            rest.starts(with: name) || name.joined(separator: " ").hasPrefix(rest.joined(separator: " "))
        if goesOnAsTheLine { return decide([numbered], key) }
        return decide(mentioned(in: rest), key)
    }

    /// One new cluster is an answer, also when it is mentioned beside the user's own.
    private func decide(_ found: Set<Int>, _ key: InterestKey) -> InterestMatch {
        let new = found.filter { !key.contains($0) }
        if new.count == 1, let only = new.first { return .cluster(only) }
        if new.count > 1 { return .invalid(.ambiguous) }
        return .invalid(found.isEmpty ? .unknownName : .partOfKey)
    }

    /// Every cluster whose name stands there in full words; of names within names, the longest.
    private func mentioned(in words: [Substring]) -> Set<Int> {
        var found: Set<Int> = []
        var start = 0
        while start < words.count {
            let lengths = stride(from: min(longestName, words.count - start), to: 0, by: -1)
            let hit = lengths.first { idsByName[Array(words[start..<start + $0])] != nil }
            if let hit { found.formUnion(idsByName[Array(words[start..<start + hit])]!) }
            start += hit ?? 1
        }
        return found
    }
}

/// Lowercase words of letters and digits.
private func words(of text: String) -> [Substring] {
    text.lowercased().split { !$0.isLetter && !$0.isNumber }
}

/// What is left without the thoughts of a reasoning model, and without the JSON that an answer was held to.
private func answerText(of output: String) -> String {
    let spoken = output.firstRange(of: "</think>").map { String(output[$0.upperBound...]) } ?? output
    return NamedAnswer(json: spoken)?.group ?? spoken
}
