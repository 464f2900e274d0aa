import Logging

/// Where a run stands: which key is next, what is in flight, and what has been used of the budget.
struct InterestProgress {
    private(set) var report = InterestReport()
    private(set) var inFlight = 0

    private let run: InterestRun
    private var keys: ArraySlice<InterestKey>
    private var questions: [Question] = []
    private var reservedTokens = 0
    private var failuresInARow = 0

    /// Keys whose answers are looked for at once.
    private static let batch = 256
    /// A server that fails so often in a row will fail the rest.
    private static let mostFailuresInARow = 8

    init(keys: [InterestKey], run: InterestRun) {
        self.run = run
        // Ties in the order of the keys: the same run each time.
        self.keys = keys.sorted { ($1.support, $0.key) < ($0.support, $1.key) }[...]
    }

    /// The next question that nobody has answered yet; nil where no more is to be begun now.
    mutating func next(shouldStop: () -> Bool) async throws -> Question? {
        while questions.isEmpty, !keys.isEmpty, !shouldStop() { try await takeKnown() }
        guard report.end == .done, !questions.isEmpty || !keys.isEmpty else { return nil }
        if shouldStop() { report.end = .stopped }
        guard report.end == .done, let question = questions.last, isAffordable(question) else { return nil }
        questions.removeLast()
        inFlight += 1
        reservedTokens += question.tokenEstimate
        report.asked += 1
        return question
    }

    /// Sorts out of the next batch what is known already.
    private mutating func takeKnown() async throws {
        let asked: [Question] = keys.prefix(InterestProgress.batch).compactMap { key in
            run.prompter.prompt(for: key).map {
                Question(
                    key: key, prompt: $0, hash: $0.hash(for: run.model), tokenEstimate: $0.tokenEstimate(for: run.model)
                )
            }
        }
        report.unaskable += min(keys.count, InterestProgress.batch) - asked.count
        keys = keys.dropFirst(InterestProgress.batch)
        let known = try await run.store.known(asked.map(\.hash))
        for question in asked {
            guard let answer = known[question.hash] else { continue }
            report.cached += 1
            note(answer, to: question, wasAsked: false)
        }
        questions = asked.reversed().filter { known[$0.hash] == nil }
    }

    /// Whether the caps allow one more. A request in flight counts with its estimate, and where that alone stands in
    /// the way it is waited for.
    private mutating func isAffordable(_ question: Question) -> Bool {
        if let most = run.budget.maxRequests, report.asked >= most {
            report.end = .maxRequests
            return false
        }
        guard let most = run.budget.maxTokens, report.tokens + reservedTokens + question.tokenEstimate > most else {
            return true
        }
        if inFlight == 0 { report.end = .maxTokens }
        return false
    }

    mutating func take(_ asked: Asked) throws {
        inFlight -= 1
        reservedTokens -= asked.question.tokenEstimate
        switch asked.result {
        case .success(let answer):
            failuresInARow = 0
            report.promptTokens += answer.promptTokens
            report.completionTokens += answer.completionTokens
            note(answer, to: asked.question, wasAsked: true)
        case .failure(.stopped): report.asked -= 1
        case .failure(let error):
            report.failed += 1
            failuresInARow += 1
            run.log.warning("no answer for key \(asked.question.key.key)", metadata: ["error": "\(error)"])
            if failuresInARow >= InterestProgress.mostFailuresInARow { throw error }
        }
    }

    private mutating func note(_ answer: ChatAnswer, to question: Question, wasAsked: Bool) {
        let match = run.matcher.match(answer.text, to: question.prompt, key: question.key)
        report.outcomes.append(InterestOutcome(key: question.key, match: match, wasAsked: wasAsked))
    }
}
