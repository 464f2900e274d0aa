import AsyncHTTPClient
import ChatSupport
import Interests
import Logging
import Postgres

/// A run as a process of its own would do it: nothing is shared with the run before but the database.
struct InterestProcess: Sendable {
    static let keys = Array(SmallShop.pairs.prefix(12))

    let database: String
    private let model = ChatModel(name: "small")

    init(database: String) { self.database = database }

    func run(
        _ server: ChatServer, keys: [InterestKey]? = nil, budget: InterestBudget = InterestBudget(),
        environment: [String: String] = [:], log: Logger = Logger(label: "test", factory: { _ in LogLines() }),
        shouldStop: @escaping @Sendable () -> Bool = { false }, progress: (InterestReport) -> Void = { _ in }
    ) async throws -> InterestReport {
        let http = ChatClient.session()
        let store = AnswerStore(try Connection("dbname=\(database)", applicationName: "nearline-tests"))
        let client = ChatClient(
            try ChatEndpoint(base: server.base, environment: environment), model: model, http: http,
            backoff: Backoff(tries: 2, firstPause: .zero, longestPause: .seconds(1)), pause: { _ in })
        let run = InterestRun(
            prompter: SmallShop.prompter, model: model, client: client, store: store, budget: budget, log: log)
        let result: Result<InterestReport, any Error>
        do {
            result = .success(try await run.run(keys ?? Self.keys, shouldStop: shouldStop, progress: progress))
        } catch { result = .failure(error) }
        try await http.shutdown()
        return try result.get()
    }
}
