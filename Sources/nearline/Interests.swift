import ArgumentParser
import Pipeline

struct Interests: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lets a language model say which cluster it expects behind each key of the transitions.",
        discussion: """
            It is judged first, by what came behind a cut; where it is not good enough, the plain counts stay. Its answers
            stand beside the counted successors, with a source of their own. Every answer is kept: a run that was killed or
            capped goes on where it ended, and nothing is asked twice. A key for the server is read from NEARLINE_CHAT_KEY.

            Example: nearline interests --base-url http://localhost:8080 --model gemma-3-27b-it --dry-run
            Example: nearline interests --base-url https://api.example.com/v1 --model small --max-tokens 2000000
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var chat: ChatOptions
    @Option(help: "Keys seen less often are not asked about (default: 10).")
    var minSupport: String?
    @Option(help: "Keys that the model is judged by (default: 200).")
    var judged: String?
    @Option(help: "What comes later is held out to judge by (default: a tenth of the events lies behind it).")
    var cut: String?
    @Flag(help: "Do not tell the most frequent successor of each key.")
    var noHint = false
    @Flag(help: "Also ask about the judged keys the other way, with or without the hint, and compare.")
    var compare = false
    @Flag(help: "Take a model that hits less than the most frequent successors alone.")
    var acceptBelowHint = false
    @Flag(help: "Only say how much would be asked, reading in READ ONLY transactions; sends nothing.")
    var dryRun = false

    func run() throws {
        let flags = source.settings.merging(chat.settings) { $1 }
            .merging(["interest-support": minSupport, "interest-judged": judged]) { $1 }
        try execute("interests", common, flags) {
            try FindInterests(
                cut: cut, givesHint: !noHint, compares: compare, acceptsBelowHint: acceptBelowHint, dryRun: dryRun
            ).run($0)
        }
    }
}

/// Which language model is asked, and how much.
struct ChatOptions: ParsableArguments {
    @Option(
        name: [.customLong("base-url"), .customLong("endpoint")],
        help: "Base URL of an OpenAI-compatible server, with or without /v1 (setting chat-url).")
    var baseURL: String?
    @Option(help: "The model's name there (setting chat-model).")
    var model: String?
    @Option(help: "Requests at once (setting chat-concurrency, default: 4).")
    var concurrency: String?
    @Option(help: "Questions of this run at most (setting chat-max-requests, default: no cap).")
    var maxRequests: String?
    @Option(help: "Tokens of this run at most (setting chat-max-tokens, default: no cap).")
    var maxTokens: String?

    var settings: [String: String?] {
        [
            "chat-url": baseURL, "chat-model": model, "chat-concurrency": concurrency, "chat-max-requests": maxRequests,
            "chat-max-tokens": maxTokens,
        ]
    }
}
