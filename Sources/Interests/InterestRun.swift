import Logging

/// What came of one key.
package struct InterestOutcome: Sendable, Equatable {
    package let key: InterestKey
    package let match: InterestMatch
    /// False where an earlier run had paid for it.
    package let wasAsked: Bool

    package init(key: InterestKey, match: InterestMatch, wasAsked: Bool) {
        self.key = key
        self.match = match
        self.wasAsked = wasAsked
    }
}

/// How many requests and tokens a run may use, and how many requests at once.
package struct InterestBudget: Sendable, Equatable {
    package var concurrency: Int
    /// Questions of this run; tries of the same question count once. Nil for no cap.
    package var maxRequests: Int?
    package var maxTokens: Int?

    package init(concurrency: Int = 4, maxRequests: Int? = nil, maxTokens: Int? = nil) {
        precondition(concurrency > 0, "one request at once is the least")
        self.concurrency = concurrency
        self.maxRequests = maxRequests
        self.maxTokens = maxTokens
    }
}

/// What a run did, whole or not.
package struct InterestReport: Sendable {
    package enum End: Sendable, Equatable { case done, maxRequests, maxTokens, stopped }

    package internal(set) var outcomes: [InterestOutcome] = []
    package internal(set) var asked = 0
    package internal(set) var cached = 0
    /// Keys that got no answer after all tries; the next run asks them again.
    package internal(set) var failed = 0
    /// Keys with a cluster that is not described.
    package internal(set) var unaskable = 0
    package internal(set) var promptTokens = 0
    package internal(set) var completionTokens = 0
    package internal(set) var end = End.done

    package var tokens: Int { promptTokens + completionTokens }
}

/// Asks the model about every key that it has not answered before, those with most support first.
///
/// Every answer is stored as it comes: whatever ends a run, only the requests in flight are lost, and the next run goes
/// on behind them. At a cap or a stop no more is begun, and what is in flight is waited for.
package struct InterestRun: Sendable {
    let prompter: InterestPrompter
    let matcher: InterestMatcher
    let model: ChatModel
    let client: ChatClient
    let store: AnswerStore
    let budget: InterestBudget
    let log: Logger

    package init(
        prompter: InterestPrompter, model: ChatModel, client: ChatClient, store: AnswerStore, budget: InterestBudget,
        log: Logger
    ) {
        self.prompter = prompter
        matcher = InterestMatcher(prompter.clusters)
        self.model = model
        self.client = client
        self.store = store
        self.budget = budget
        self.log = log
    }

    /// - Parameter progress: called after each answer, and at the end.
    package func run(
        _ keys: [InterestKey], shouldStop: @escaping @Sendable () -> Bool = { false },
        progress: (InterestReport) -> Void = { _ in }
    ) async throws -> InterestReport {
        var state = InterestProgress(keys: keys, run: self)
        try await withThrowingTaskGroup(of: Asked.self) { group in
            while true {
                while state.inFlight < budget.concurrency, let question = try await state.next(shouldStop: shouldStop) {
                    group.addTask { try await ask(question, shouldStop: shouldStop) }
                }
                guard let asked = try await group.next() else { break }
                try state.take(asked)
                progress(state.report)
            }
        }
        progress(state.report)
        return state.report
    }

    private func ask(_ question: Question, shouldStop: @Sendable () -> Bool) async throws -> Asked {
        do {
            let answer = try await client.ask(question.prompt, shouldStop: shouldStop)
            try await store.keep(answer, to: question.hash, of: model.name)
            return Asked(question: question, result: .success(answer))
        } catch let error as ChatError where !error.isForAll {
            return Asked(question: question, result: .failure(error))
        }
    }
}

struct Question: Sendable {
    let key: InterestKey
    let prompt: InterestPrompt
    let hash: String
    let tokenEstimate: Int
}

struct Asked: Sendable {
    let question: Question
    let result: Result<ChatAnswer, ChatError>
}
