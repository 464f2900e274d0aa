/// One thing that can be set: its name (flag `--name`, environment `NEARLINE_NAME`, YAML `name`), default and range.
package struct Setting: Sendable {
    package enum Kind: Sendable {
        case text
        case choice([String])
        case integer(ClosedRange<Int>)
        case real(ClosedRange<Double>)
        /// As ``Age`` reads it, or `off`.
        case duration
        /// As ``RunLimits`` reads it, or nothing.
        case deadline
    }

    package let name: String
    package let standard: String
    package let kind: Kind
    package let help: String

    package var environmentName: String {
        "NEARLINE_" + name.uppercased().split(separator: "-").joined(separator: "_")
    }

    private init(_ name: String, _ standard: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.standard = standard
        self.kind = kind
        self.help = help
    }

    package static let all: [Setting] = [
        Setting("database", "", .text, "libpq connection string without a password; empty means the PG* variables"),
        Setting(
            "events", "shop.events", .text, "events relation: user_id, item_id, occurred_at, action [session_id, scene]"
        ),
        Setting("items", "shop.items", .text, "items relation: item_id [category, seller, available, title]"),
        Setting("exclusions", "shop.exclusions", .text, "exclusions relation: item_id [user_id, reason]"),
        Setting(
            "gap-minutes", "30", .integer(1...100_000), "a longer pause begins a new session, where there are no ids"),
        Setting("max-bad-rows", "1000", .integer(0...Int(Int32.max)), "refused rows above which a run fails"),
        Setting("models", ".nearline/models", .text, "folder of model artifacts"),
        Setting("width", "64", .integer(8...1024), "width of the model"),
        Setting("heads", "2", .integer(1...64), "attention heads"),
        Setting("blocks", "2", .integer(1...32), "HSTU blocks"),
        Setting(
            "experts", "0", .integer(0...256),
            "experts that tokens are routed to after each block, two of them and one that all share; 0 for none"),
        Setting("horizons", "1", .integer(1...8), "sessions ahead that training predicts"),
        Setting("epochs", "10", .integer(1...10_000), "passes over the users, at most"),
        Setting("batch", "32", .integer(1...4096), "users per training step"),
        Setting("negatives", "2048", .integer(1...1_000_000), "random items that each step contrasts with"),
        Setting(
            "negative-sampling", "uniform", .choice(["uniform", "popularity"]),
            "whether random items are drawn alike, or as often as they were had and corrected for that (logQ)"),
        Setting(
            "preference-terms", "no", .choice(["no", "yes"]),
            "whether training draws clicked items before those only shown, and paid ones before clicked"),
        Setting(
            "side-information", "yes", .choice(["yes", "no"]),
            "whether an item's vector has parts of its category's and its seller's"),
        Setting(
            "scenes", "no", .choice(["no", "told", "apart"]),
            "whether the model is told the scene, and counts each scene's loss apart, so that a big one drowns no small one"
        ),
        Setting("learning-rate", "0.0005", .real(1e-8...1), "learning rate of AdamW at the start; it falls to zero"),
        Setting("weight-decay", "0", .real(0...1), "weight decay of AdamW"),
        Setting("dropout", "0.5", .real(0...0.9), "share of activations dropped in training"),
        Setting(
            "half-life-days", "60", .real(0...100_000), "age at which a session counts half as a target; 0: all alike"),
        Setting(
            "length-alpha", "2", .real(1...2),
            "training thins histories above tokens^(alpha / 2), the longer the more often (stochastic length); 2: none"),
        Setting("increment-days", "10", .integer(1...10_000), "train --incremental: days whose sessions are targets"),
        Setting(
            "increment-epochs", "4", .integer(1...10_000), "train --incremental: passes over the users of a bucket"),
        Setting(
            "increment-learning-rate", "0.00003", .real(1e-8...1), "train --incremental: learning rate at the start"),
        Setting(
            "item-start", "together", .choice(["together", "random"]),
            "item vectors start alike where the same users had the items, or at random"),
        Setting("patience", "6", .integer(0...1000), "epochs without better held-out lists before stopping; 0: never"),
        Setting("seed", "1", .integer(0...Int.max), "seed of everything drawn in training"),
        Setting("tokens", "512", .integer(8...100_000), "tokens of history read per user"),
        Setting("session-items", "64", .integer(1...4096), "items kept per session, the strongest actions first"),
        Setting(
            "lifelong-items", "0", .integer(0...4096),
            "items of most sessions before the tokens, read as one first session; 0: what lies before is not read"),
        Setting(
            "anchors", "0", .integer(0...256),
            "items of popular transitions that the model reads besides the tokens, before the session to come; 0: none"),
        Setting("corpus-tokens", "50000000", .integer(1000...Int.max), "tokens trained on; above it users are sampled"),
        Setting(
            "blend-users", "3000", .integer(0...100_000),
            "users from whose last sessions the merging of lists is learned; 0: lists by the model alone"),
        Setting("similar-items", "64", .integer(1...4096), "items held for each as had together with it, for merging"),
        Setting("candidates", "100", .integer(1...10_000), "candidates per user"),
        Setting(
            "repeats", "allowed", .choice(["allowed", "none"]),
            "whether lists may hold what the user had before; none: only what is new to them"),
        Setting("cool-down-days", "0", .integer(0...100_000), "days for which what a user had is not listed again"),
        Setting(
            "category-cap", "0", .integer(0...10_000),
            "items of one category in a list, at most, even where it is shorter then (max-short-share); 0: no cap"),
        Setting("refresh-users", "2048", .integer(1...1_000_000), "users whose lists a refresh makes at a time"),
        Setting(
            "overlay-users", "1000000", .integer(0...Int(Int32.max)),
            "users with a list made since the release, at most; more wait for the next one"),
        Setting("shard-users", "16384", .integer(1...1_000_000), "users that a worker claims and stores at a time"),
        Setting(
            "clusters", "auto", .choice(["auto", "category", "seller", "semantic"]),
            "what groups items: a column of the items relation, or their vectors; auto: category where there is one"),
        Setting(
            "embedding", "", .text, "real[] column of the items relation for semantic clusters; empty: the model's"),
        Setting(
            "cluster-share", "0", .real(0...1), "share of the items that a semantic cluster may hold; 0: a usual one"),
        Setting("transition-keys", "2", .integer(1...3), "clusters in a transition key, at most"),
        Setting("transition-window-days", "0", .integer(0...8000), "age of the oldest transition counted; 0: all are"),
        Setting("transition-half-life-days", "90", .integer(0...8000), "age at which one counts half; 0: all alike"),
        Setting("transition-trend-days", "30", .integer(1...3650), "days of the window that a trend compares"),
        Setting(
            "transition-scenes", "no", .choice(["no", "yes"]), "whether each scene has transitions of its own too"),
        Setting("successors", "20", .integer(1...1000), "clusters kept behind each transition key"),
        Setting("counting-mebibytes", "256", .integer(1...1_000_000), "memory for counting; above it files are used"),
        Setting("snapshots", "", .text, "folder for snapshot files of releases; empty: none are written"),
        Setting("min-users", "1", .integer(0...Int.max), "gate: users that a release must have"),
        Setting("max-user-drop", "0.2", .real(0...1), "gate: share of the current release's users that may be missing"),
        Setting("max-user-growth", "1", .real(0...1e9), "gate: users more, as a share of the current release's"),
        Setting("max-size-change", "2", .real(1...1e9), "gate: factor by which bytes a user may rise or fall"),
        Setting("max-empty-share", "0.01", .real(0...1), "gate: share of lists that may be empty"),
        Setting("max-short-share", "0.05", .real(0...1), "gate: share of lists that may be shorter than wanted"),
        Setting("max-excluded-share", "0", .real(0...1), "gate: share of lists that may hold what was denied since"),
        Setting("max-fallback-share", "0.5", .real(0...1), "gate: share of lists that may be popular items only"),
        Setting("min-overlap", "0.02", .real(0...1), "gate: mean share of items that lists keep, at least"),
        Setting("max-overlap", "0.9999", .real(0...1), "gate: mean share of items that lists keep, at most"),
        Setting("min-recall", "0", .real(0...1), "gate: recall on held-out sessions that the model must reach"),
        Setting("max-recall-drop", "0.3", .real(0...1), "gate: share of the current model's recall that may be lost"),
        Setting("min-transition-overlap", "0.02", .real(0...1), "gate: mean IoU of the top five successors, at least"),
        Setting("max-transition-drop", "0.5", .real(0...1), "gate: share of transition keys that may be missing"),
        Setting("chat-url", "", .text, "base URL of the OpenAI-compatible server that nearline interests asks"),
        Setting("chat-model", "", .text, "model that is asked there"),
        Setting("chat-concurrency", "4", .integer(1...256), "requests at once to the chat server"),
        Setting("chat-timeout-seconds", "60", .integer(1...3600), "of one request to the chat server"),
        Setting("chat-max-requests", "0", .integer(0...Int.max), "questions of one run at most; 0: no cap"),
        Setting("chat-max-tokens", "0", .integer(0...Int.max), "tokens of one run at most; 0: no cap"),
        Setting("chat-answer-tokens", "32", .integer(1...100_000), "tokens of one answer at most; thoughts count"),
        Setting(
            "chat-held-to-names", "no", .choice(["no", "yes"]),
            "whether answers are held to the clusters' names by response_format; not every server takes that"),
        Setting("cluster-texts", "", .text, "relation that says what clusters are: cluster, text; empty: titles do"),
        Setting("interest-support", "10", .integer(1...Int.max), "keys seen less often are not asked about"),
        Setting("interest-judged", "200", .integer(1...1_000_000), "keys that a language model is judged by first"),
        Setting("min-valid-share", "0.9", .real(0...1), "gate: share of answers that name a new cluster"),
        Setting("min-hit-rate", "0.015", .real(0...1), "gate: held-out next clusters that the answers hit"),
        Setting(
            "metrics", "", .text, "OpenMetrics file that every run and nearline status write; empty: none is written"),
        Setting("deadline", "", .deadline, "when a run is stopped, to go on another time: 05:30 (UTC), 2h, an instant"),
        Setting("stall", "30m", .duration, "time without any progress after which a run is stopped; off: never"),
        Setting(
            "max-memory", "0", .integer(0...100_000_000), "mebibytes above which a run is stopped; 0: no such limit"),
        Setting("threads", "0", .integer(0...1024), "worker threads; 0 means one per core"),
    ]

    package static func named(_ name: String) -> Setting? { all.first { $0.name == name } }

    /// What is wrong with a value, or nil.
    func complaint(about value: String) -> String? {
        switch kind {
        case .text: return nil
        case .duration: return value == "off" || Age(value) != nil ? nil : "is no length of time like 30m, and not off"
        case .deadline:
            return value.isEmpty || RunLimits.deadline(value, after: .now) != nil
                ? nil : "is no time of day (05:30, UTC), length of time (2h) or instant (2026-01-31T05:30:00Z)"
        case .choice(let values): return values.contains(value) ? nil : "is none of \(values.joined(separator: ", "))"
        case .integer(let range):
            guard let number = Int(value) else { return "is no whole number" }
            return range.contains(number) ? nil : "is outside \(range.lowerBound)...\(range.upperBound)"
        case .real(let range):
            guard let number = Double(value) else { return "is no number" }
            return range.contains(number) ? nil : "is outside \(range.lowerBound)...\(range.upperBound)"
        }
    }
}
