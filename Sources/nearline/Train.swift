import ArgumentParser
import Pipeline

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains a next-session model on the events and writes it as a safetensors artifact.",
        discussion: """
            A killed training goes on after its last whole epoch; the same events and settings twice is a no-op.

            Example: nearline train --as-of 2026-01-31T00:00:00Z --width 128 --heads 4 --epochs 20
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var limits: LimitOptions
    @Option(help: "Events up to this instant: a timestamp, now, or latest (the newest event).")
    var asOf = "latest"
    @Option(help: "Width of the model, a multiple of twice the heads (default: 64).")
    var width: String?
    @Option(help: "Attention heads (default: 2).")
    var heads: String?
    @Option(help: "HSTU blocks (default: 2).")
    var blocks: String?
    @Option(help: "Experts that tokens are routed to after each block; 0 for no mixture (default: 0).")
    var experts: String?
    @Option(help: "Items of popular transitions that are read before the session to come; 0: none (default: 0).")
    var anchors: String?
    @Option(help: "Sessions ahead that training predicts (default: 1).")
    var horizons: String?
    @Option(help: "Passes over the users, at most (default: 10).")
    var epochs: String?
    @Option(help: "Users per step (default: 32).")
    var batch: String?
    @Option(help: "Random items that each step contrasts with (default: 2048).")
    var negatives: String?
    @Option(help: "How these are drawn: uniform, or popularity, corrected by logQ (default: uniform).")
    var negativeSampling: String?
    @Option(
        help:
            "Whether clicked items are drawn before those only shown, and paid before clicked: yes or no (default: no)."
    )
    var preferenceTerms: String?
    @Option(help: "Whether item vectors have parts of category and seller: yes or no (default: yes).")
    var sideInformation: String?
    @Option(
        help:
            "Whether the model is told the scene and each scene's loss counts apart: no, told or apart (default: no)."
    )
    var scenes: String?
    @Option(help: "Learning rate at the start; it falls to zero (default: 0.0005).")
    var learningRate: String?
    @Option(help: "Weight decay (default: 0).")
    var weightDecay: String?
    @Option(help: "Share of activations dropped (default: 0.5).")
    var dropout: String?
    @Option(help: "Days after which a session counts half as a target; 0: all alike (default: 60).")
    var halfLifeDays: String?
    @Option(
        help: "Histories above tokens^(alpha / 2) are thinned, the longer the more often: 1 to 2, 2: none (default: 2)."
    )
    var lengthAlpha: String?
    @Option(help: "Epochs without better held-out lists before stopping; 0: never (default: 6).")
    var patience: String?
    @Option(
        help:
            "Where item vectors start: together (alike where the same users had the items) or random (default: together)."
    )
    var itemStart: String?
    @Option(help: "Seed of everything drawn (default: 1).")
    var seed: String?
    @Option(help: "Tokens trained on; above it users are sampled (default: 50000000).")
    var corpusTokens: String?
    @Option(
        help: ArgumentHelp(
            "Do nothing while the newest model is younger at the as-of instant: 12h, 7d (default: train what is new).",
            valueName: "age"))
    var every: String?
    @Flag(
        help: "Go on from the last model with a tenth of the users and the last days, where there is one to go on from."
    )
    var incremental = false
    @Option(
        help: ArgumentHelp(
            "With --incremental: train from scratch where that was so long ago (default: never).", valueName: "age"))
    var fromScratchEvery: String?
    @Flag(
        help: "Leave out each user's last event: a model for nearline evaluate --leave-one-out, and for nothing else.")
    var leaveOneOut = false
    @Flag(help: "Train even where this very model is there already.")
    var again = false
    @Flag(help: "Only say what would be trained, reading in a READ ONLY transaction.")
    var dryRun = false

    func validate() throws {
        for (option, given) in [("--every", every), ("--from-scratch-every", fromScratchEvery)] {
            guard let given else { continue }
            guard Age(given) != nil else {
                throw ValidationError("\(option) is a number with s, m, h or d, as 7d; got '\(given)'")
            }
        }
        guard incremental || fromScratchEvery == nil else {
            throw ValidationError(
                "--from-scratch-every goes with --incremental; without it every training is from scratch")
        }
        guard !(incremental && leaveOneOut) else {
            throw ValidationError("--leave-one-out trains from scratch; leave out --incremental")
        }
    }

    func run() throws {
        let flags: [String: String?] = [
            "width": width, "heads": heads, "blocks": blocks, "experts": experts, "anchors": anchors,
            "horizons": horizons, "epochs": epochs, "batch": batch, "negatives": negatives,
            "negative-sampling": negativeSampling, "learning-rate": learningRate, "weight-decay": weightDecay,
            "dropout": dropout, "half-life-days": halfLifeDays, "length-alpha": lengthAlpha, "patience": patience,
            "item-start": itemStart, "seed": seed, "corpus-tokens": corpusTokens, "preference-terms": preferenceTerms,
            "side-information": sideInformation, "scenes": scenes,
        ]
        try execute("train", common, source.settings.merging(limits.settings) { $1 }.merging(flags) { $1 }) {
            var job = TrainModel(asOf: asOf, again: again, dryRun: dryRun, every: every.flatMap { Age($0) })
            job.leavesOneOut = leaveOneOut
            job.isIncremental = incremental
            job.scratchEvery = fromScratchEvery.flatMap { Age($0) }
            return try job.run($0)
        }
    }
}
