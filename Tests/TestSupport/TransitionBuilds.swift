import Domain
import ResultTables

extension TransitionBuild {
    /// A build with nothing but what lookups read.
    package init(clusters: [(name: String, items: Int)], transitions: [(key: Int64, next: [Candidate])]) {
        self.init(
            facts: TransitionFacts(asOf: "2026-01-01Z", clusterSource: .category, inputHash: "drawn", settings: "{}"),
            clusters: clusters.map { Cluster(name: $0.name, items: $0.items) },
            keys: transitions.map { key, next in
                Key(key: key, support: 1, next: next, details: next.map { _ in (1, 0) })
            })
    }
}
