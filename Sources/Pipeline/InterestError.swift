import Interests

/// Why nobody could be asked, or the answers are of no use yet; transitions are as they were.
package enum InterestError: Error, Equatable, CustomStringConvertible {
    /// Nothing was seen often enough to be judged by, or to be asked about.
    case noKeys(support: Int, cut: String?)
    /// The cap came before the model was judged.
    case judgingCapped(answered: Int, keys: Int, cap: String)
    case unanswered(keys: Int)

    var isForLater: Bool {
        switch self {
        case .noKeys: false
        case .judgingCapped, .unanswered: true
        }
    }

    package var description: String {
        switch self {
        case .noKeys(let support, let cut):
            "no key of one or two clusters was seen \(support) times\(cut.map { " before \($0)" } ?? ""); "
                + "lower --min-support" + (cut == nil ? "" : ", or choose a later --cut")
        case .judgingCapped(let answered, let keys, let cap):
            "\(cap) came when \(answered) of the \(keys) keys that the model is judged by had their answers; nothing was "
                + "stored: run this again to go on, nothing is asked twice"
        case .unanswered(let keys):
            "none of the \(keys) keys got an answer; nothing was stored: see the warnings above, and run this again"
        }
    }
}

/// A language model that did not pass its gates; the plain counts stay as they are.
package struct InterestRefusal: Error, Equatable, CustomStringConvertible {
    let model: String
    let failures: [InterestVerdict.Failure]

    package var description: String {
        """
        \(model) was refused, nothing was stored:
        \(failures.map { "  \($0)" }.joined(separator: "\n"))
        """
    }
}
