/// One key of the transitions: a user's last one or two distinct clusters, and what was counted to follow them.
package struct InterestKey: Sendable, Equatable {
    /// As in `nearline.transition`.
    package let key: Int64
    /// Nil in a key of one cluster.
    package let older: Int?
    package let latest: Int
    /// The counted successors, most frequent first; those that are part of the key are left out.
    package let successors: [Int]
    /// Transitions that were counted for this key.
    package let support: Int

    package init(key: Int64, older: Int?, latest: Int, successors: [Int], support: Int) {
        self.key = key
        self.older = older
        self.latest = latest
        self.successors = successors.filter { $0 != older && $0 != latest }
        self.support = support
    }

    /// What the prompt retrieves: the most frequent successor. Source: arXiv:2510.20260, where top-1 was enough.
    package var hint: Int? { successors.first }

    package func contains(_ cluster: Int) -> Bool { cluster == latest || cluster == older }
}
