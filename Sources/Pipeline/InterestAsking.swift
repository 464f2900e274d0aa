import Foundation
import Interests
import Synchronization

/// Asks the chat server that is configured about keys, within what is left of the run's budget.
struct InterestAsking {
    let context: RunContext
    let clusters: DescribedClusters
    let model: ChatModel
    private let endpoint: ChatEndpoint
    private var budget: InterestBudget
    private(set) var asked = 0
    private(set) var cached = 0
    private(set) var failed = 0
    private(set) var tokens = 0

    init(context: RunContext, clusters: DescribedClusters) throws {
        let settings = context.settings
        self.context = context
        self.clusters = clusters
        model = try Self.model(settings)
        endpoint = try Self.endpoint(settings)
        func cap(_ name: String) -> Int? { settings.int(name) > 0 ? settings.int(name) : nil }
        budget = InterestBudget(
            concurrency: settings.int("chat-concurrency"), maxRequests: cap("chat-max-requests"),
            maxTokens: cap("chat-max-tokens"))
    }

    static func model(_ settings: Settings) throws -> ChatModel {
        guard !settings.text("chat-model").isEmpty else {
            throw SettingsError.inconsistent(
                "no model is named to ask: give --model, or set chat-model (NEARLINE_CHAT_MODEL)")
        }
        return ChatModel(
            name: settings.text("chat-model"), maximumAnswerTokens: settings.int("chat-answer-tokens"),
            holdsToNames: settings.text("chat-held-to-names") == "yes")
    }

    static func endpoint(_ settings: Settings) throws -> ChatEndpoint {
        guard !settings.text("chat-url").isEmpty else {
            throw SettingsError.inconsistent(
                "no chat server is named to ask: give --base-url http://host:port, or set chat-url (NEARLINE_CHAT_URL); "
                    + "its key, if it wants one, goes into \(ChatEndpoint.keyVariable)")
        }
        return try ChatEndpoint(
            base: settings.text("chat-url"), environment: ProcessInfo.processInfo.environment)
    }

    func prompter(givesHint: Bool) -> InterestPrompter {
        InterestPrompter(clusters.clusters, popular: clusters.popular, givesHint: givesHint)
    }

    /// What caps this run, as people say it.
    func cap(_ end: InterestReport.End) -> String {
        end == .maxTokens
            ? "the cap of \(context.settings.int("chat-max-tokens")) tokens"
            : "the cap of \(context.settings.int("chat-max-requests")) requests"
    }

    /// Every key once, those with most support first; a signal ends it at once, with what was answered kept.
    mutating func ask(_ keys: [InterestKey], givesHint: Bool, stage: String) throws -> InterestReport {
        let report = try context.stage(stage) { try run(keys, prompter(givesHint: givesHint)) }
        try context.safePoint()
        asked += report.asked
        cached += report.cached
        failed += report.failed
        tokens += report.tokens
        budget.maxRequests = budget.maxRequests.map { max(0, $0 - report.asked) }
        budget.maxTokens = budget.maxTokens.map { max(0, $0 - report.tokens) }
        return report
    }

    private func run(_ keys: [InterestKey], _ prompter: InterestPrompter) throws -> InterestReport {
        // Handed over to the store, and used by nobody else.
        nonisolated(unsafe) let connection = try context.connect("answers")
        let store = AnswerStore(connection), answered = Mutex(0)
        let (endpoint, model, budget, log) = (endpoint, model, budget, context.log)
        let timeout = Duration.seconds(context.settings.int("chat-timeout-seconds"))
        return try context.waiting(watch: {
            let done = answered.withLock { $0 }
            context.progress(done, "keys", fraction: Double(done) / Double(max(1, keys.count)))
        }) {
            let http = ChatClient.session()
            do {
                let client = ChatClient(endpoint, model: model, http: http, timeout: timeout)
                let report = try await InterestRun(
                    prompter: prompter, model: model, client: client, store: store, budget: budget, log: log
                ).run(keys, shouldStop: { StopSignal.shared.reason != nil }) { report in
                    answered.withLock { $0 = report.outcomes.count }
                }
                try await http.shutdown()
                return report
            } catch {
                try? await http.shutdown()
                throw error
            }
        }
    }
}
