import Domain

/// One build of transitions, ready to be stored: what follows each key, and the clusters that the numbers stand for.
package struct TransitionBuild: Sendable {
    /// The last clusters of a user, with those that most often come next.
    package struct Key: Sendable {
        /// As `nearline.transition_key`.
        package var key: Int64
        /// How often the key was seen with anything behind it.
        package var support: Int
        /// Most probable first; the row is the number of the cluster, the score its probability.
        package var next: [Candidate]
        /// For each of `next` how often it came, and by how much its share rose against the window before, in -1...1.
        package var details: [(support: Int, trend: Float)]

        package init(key: Int64, support: Int, next: [Candidate], details: [(support: Int, trend: Float)]) {
            precondition(next.count == details.count, "every successor has its detail")
            self.key = key
            self.support = support
            self.next = next
            self.details = details
        }
    }

    /// A cluster; its number is its place.
    package struct Cluster: Sendable {
        package var name: String
        package var items: Int
        /// Events with one of its items that were looked at.
        package var events: Int
        /// Its most popular items; the row is that of the release's dictionary, the score the share in its events.
        package var popular: [Candidate]

        package init(name: String, items: Int, events: Int = 0, popular: [Candidate] = []) {
            self.name = name
            self.items = items
            self.events = events
            self.popular = popular
        }
    }

    /// What successors share with those of another time.
    package struct Churn: Sendable, Equatable {
        /// "build before", or how many days earlier.
        package var against: String
        /// The keys looked at, by how often they were seen: "all", "1-2"...
        package var support: String
        package var keys: Int
        /// Mean intersection over union, 0...1.
        package var overlap: Double

        package init(against: String, support: String, keys: Int, overlap: Double) {
            self.against = against
            self.support = support
            self.keys = keys
            self.overlap = overlap
        }
    }

    package var facts: TransitionFacts
    package var clusters: [Cluster]
    /// Names of the scenes that have keys of their own; scene 1 is the first.
    package var scenes: [String] = []
    /// In the order of their keys.
    package var keys: [Key]
    package var churn: [Churn] = []

    package init(facts: TransitionFacts, clusters: [Cluster], keys: [Key]) {
        self.facts = facts
        self.clusters = clusters
        self.keys = keys
    }
}

/// What a build of transitions was made from; stored beside it.
package struct TransitionFacts: Sendable {
    /// What semantic clusters are found by.
    package struct Codebook: Sendable, Equatable {
        /// A hash of the bytes.
        package var name: String
        package var bytes: [UInt8]
        /// The column of the items relation whose vectors it was learned from; empty for the model's, nil where nobody
        /// wrote it down.
        package var learnedFrom: String?

        package init(name: String, bytes: [UInt8], learnedFrom: String?) {
            self.name = name
            self.bytes = bytes
            self.learnedFrom = learnedFrom
        }
    }

    package var asOf: String
    package var clusterSource: ClusterSource
    /// Equal hashes mean the same events, settings and clusters, and so the same build.
    package var inputHash: String
    /// As JSON.
    package var settings: String
    /// Occurrences of a next cluster that were counted.
    package var transitions = 0
    /// Of clusters and events, as JSON.
    package var figures = "{}"
    package var codebook: Codebook?
    /// After how many hours a refresh is worth its while; nil where nothing could be measured.
    package var refreshHours: Double?
    /// Why it is published although a gate fails.
    package var reason: String?

    package init(asOf: String, clusterSource: ClusterSource, inputHash: String, settings: String) {
        self.asOf = asOf
        self.clusterSource = clusterSource
        self.inputHash = inputHash
        self.settings = settings
    }
}
