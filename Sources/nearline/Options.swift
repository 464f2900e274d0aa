import ArgumentParser

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(help: "libpq connection string without a password (default: the PG* variables).")
    var database: String?
    @Option(help: "YAML file of settings (default: NEARLINE_CONFIG, else ./nearline.yaml where it exists).")
    var config: String?
    @Option(help: "Worker threads; 0 means one per core.")
    var threads: String?
    @Option(help: ArgumentHelp("OpenMetrics file to write when a run has ended (default: none).", valueName: "file"))
    var metrics: String?
    @Flag(help: "Answer as one line of JSON.")
    var json = false

    var settings: [String: String?] { ["database": database, "threads": threads, "metrics": metrics] }
}

/// When a run is to be stopped; what it has stored stays, and the same command goes on with it.
struct LimitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Stop then: a time of day in UTC (05:30), a length of time (2h), or an instant (default: never).",
            valueName: "time"))
    var deadline: String?
    @Option(help: "Stop after this time without any progress, like 30m, and log where it stands (default: 30m; off).")
    var stall: String?
    @Option(help: ArgumentHelp("Stop above this memory (default: 0, no limit).", valueName: "mebibytes"))
    var maxMemory: String?

    var settings: [String: String?] { ["deadline": deadline, "stall": stall, "max-memory": maxMemory] }
}

/// Where snapshot files go.
struct SnapshotOptions: ParsableArguments {
    @Option(
        name: .customLong("snapshot"),
        help: ArgumentHelp(
            "Folder for snapshot files, which services read without the database (default: none).", valueName: "folder")
    )
    var folder: String?

    var settings: [String: String?] { ["snapshots": folder] }
}

/// Where events come from and how they are read.
struct SourceOptions: ParsableArguments {
    @Option(help: "Events relation: user_id, item_id, occurred_at, action [session_id, scene] (default: shop.events).")
    var events: String?
    @Option(help: "Items relation: item_id [category, seller, available, title] (default: shop.items where it exists).")
    var items: String?
    @Option(help: "Exclusions relation: item_id [user_id, reason] (default: shop.exclusions where it exists).")
    var exclusions: String?
    @Option(help: "Minutes; a longer pause begins a new session (default: 30).")
    var gapMinutes: String?
    @Option(help: "Tokens of history read per user (default: 512).")
    var tokens: String?
    @Option(help: "Items kept per session (default: 64).")
    var sessionItems: String?
    @Option(help: "Items that stand for the history before the tokens, as one first session; 0: none (default: 0).")
    var lifelongItems: String?
    @Option(help: "Refused rows above which the run fails (default: 1000).")
    var maxBadRows: String?
    @Option(help: "Folder of model artifacts (default: .nearline/models).")
    var models: String?

    var settings: [String: String?] {
        [
            "events": events, "items": items, "exclusions": exclusions, "gap-minutes": gapMinutes, "tokens": tokens,
            "session-items": sessionItems, "lifelong-items": lifelongItems, "max-bad-rows": maxBadRows,
            "models": models,
        ]
    }
}

/// Which clusters items belong to, and how many of them make a key.
struct ClusterOptions: ParsableArguments {
    @Option(help: "What clusters are made from: auto, category, seller or semantic (default: auto).")
    var clusters: String?
    @Option(help: "real[] column of the items relation for semantic clusters (default: the model's vectors).")
    var embedding: String?
    @Option(help: "Clusters in a transition key, at most: 1 to 3 (default: 2).")
    var transitionKeys: String?

    var settings: [String: String?] {
        ["clusters": clusters, "embedding": embedding, "transition-keys": transitionKeys]
    }
}

/// What is wanted of every list.
struct ListOptions: ParsableArguments {
    @Option(help: "Candidates per user (default: 100).")
    var candidates: String?
    @Option(
        help: "Whether lists may hold what the user had before: allowed, or none for only new items (default: allowed)."
    )
    var repeats: String?
    @Option(help: "Days for which what a user had is not listed again (default: 0).")
    var coolDownDays: String?
    @Option(help: "Items of one category in a list, at most; 0: no cap (default: 0).")
    var categoryCap: String?

    var settings: [String: String?] {
        [
            "candidates": candidates, "repeats": repeats, "cool-down-days": coolDownDays, "category-cap": categoryCap,
        ]
    }

    var isGiven: Bool { settings.values.contains { $0 != nil } }
}

/// Lines that people ask to be shown: more than this nobody reads, and the database counts in 32 bits.
func requireCount(_ count: Int) throws {
    guard (1...1_000_000).contains(count) else {
        throw ValidationError("--count must be between 1 and 1000000, got \(count)")
    }
}
