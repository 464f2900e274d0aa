import Domain
import Foundation
import Histories
import Interests
import Logging
import Postgres
import ResultTables
import Synchronization
import Transitions

/// `nearline interests`: a language model reads the transitions, and says which cluster it expects behind each key.
///
/// First it is judged: keys that were seen most before a cut, with what was counted up to there, against what came behind
/// it. Then every key is asked with today's counts, and the answers are stored beside the counted successors. Nothing is
/// asked twice: answers are kept by their prompts.
package struct FindInterests {
    /// The instant behind which transitions are held out; nil for that behind which a tenth of the events lies.
    package var cut: String?
    /// Keys seen less often are left to the counts.
    package var minSupport: Int
    /// Keys that the model is judged by.
    package var judged: Int
    package var budget: InterestBudget
    /// False asks without the retrieved successor, for comparison.
    package var givesHint: Bool
    /// Also asks the judged keys the other way, and says how often both agree.
    package var compares: Bool

    package init(
        cut: String?, minSupport: Int, judged: Int, concurrency: Int, maxRequests: Int?, maxTokens: Int?,
        givesHint: Bool, compares: Bool
    ) {
        self.cut = cut
        self.minSupport = minSupport
        self.judged = judged
        budget = InterestBudget(concurrency: concurrency, maxRequests: maxRequests, maxTokens: maxTokens)
        self.givesHint = givesHint
        self.compares = compares
    }

    private static let titlesShown = 4

    private struct Facts: Encodable {
        var release: Int
        var keys: Int
        var asked: Int
        var cached: Int
        var valid: Double
        var hitRate: Double
        var hintHitRate: Double
        var agreementWithHint: Double
        var agreementWithoutHint: Double?
        var stored: Int
    }

    /// What a verdict and a run are made of.
    private struct Shop {
        var clusters: [ClusterDescription]
        var popular: [Int]
    }
}
