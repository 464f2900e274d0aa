import ArgumentParser
import AsyncHTTPClient
import Foundation
import Interests
import Logging
import Postgres
import Schema

/// Asks a real model about a made-up shop, with the retrieved successor and without, and says how good the answers are.
@main struct InterestFigures: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "interest-figures")

    @Option(help: "Base URL of an OpenAI-compatible server.") var base: String
    @Option(help: "The model's name there.") var model = "gemma-3-270m"
    @Option(help: "Keys to ask about, of 380.") var keys = 100
    @Option(help: "Requests at once.") var concurrency = 2
    @Option(help: "Draws the transitions.") var seed: UInt64 = 1
    @Flag(help: "Hold answers to the listed names by response_format.") var holdToNames = false

    func validate() throws {
        guard (1...380).contains(keys) else { throw ValidationError("--keys must be 1 to 380, got \(keys).") }
        guard concurrency > 0 else { throw ValidationError("--concurrency must be positive, got \(concurrency).") }
    }

    func run() async throws {
        let shop = MadeShop(keyCount: keys, seed: seed)
        let http = ChatClient.session()
        do {
            let with = try await ask(shop, givesHint: true, http: http)
            let without = try await ask(shop, givesHint: false, http: http)
            show("with hint", InterestVerdict(with, withoutHint: without, heldOut: shop.heldOut))
            show("without hint", InterestVerdict(without, withoutHint: with, heldOut: shop.heldOut))
        } catch {
            try? await http.shutdown()
            throw error
        }
        try await http.shutdown()
    }

    private func ask(_ shop: MadeShop, givesHint: Bool, http: HTTPClient) async throws -> [InterestOutcome] {
        let chat = ChatModel(name: model, maximumAnswerTokens: holdToNames ? 32 : 16, holdsToNames: holdToNames)
        let endpoint = try ChatEndpoint(base: base, environment: ProcessInfo.processInfo.environment)
        let run = InterestRun(
            prompter: InterestPrompter(shop.clusters, popular: shop.clusters.map(\.id), givesHint: givesHint),
            model: chat,
            client: ChatClient(endpoint, model: chat, http: http), store: AnswerStore(try InterestFigures.session()),
            budget: InterestBudget(concurrency: concurrency), log: Logger(label: "interest-figures"))
        let clock = ContinuousClock(), start = clock.now
        let report = try await run.run(shop.keys)
        let seconds = Double((clock.now - start).components.seconds)
        print(
            "\(givesHint ? "with hint" : "without hint"): cached \(report.cached), asked \(report.asked), "
                + "failed \(report.failed), prompt tokens \(report.promptTokens), "
                + "answer tokens \(report.completionTokens), seconds \(seconds)")
        return report.outcomes
    }

    /// A session on a database that has the answers' table.
    private static func session() throws -> Connection {
        let connection = try Connection(applicationName: "interest-figures")
        let isThere = try connection.execute(
            "SELECT to_regclass('nearline.interest_answer') IS NOT NULL AS there", doing: "looking for the answers")
        guard try !isThere[0].bool("there") else { return connection }
        try connection.script(
            "CREATE SCHEMA IF NOT EXISTS nearline;" + Migration.all.first { $0.name == "interests" }!.sql,
            doing: "creating the answers' table")
        return connection
    }

    private func show(_ title: String, _ verdict: InterestVerdict) {
        let invalid = InterestMatch.Reason.allCases.compactMap { reason in
            verdict.invalid[reason].map { "\(reason.rawValue) \($0)" }
        }
        print("\(title):")
        print("  valid share              \(verdict.validShare)  \(invalid.joined(separator: ", "))")
        print("  hit rate of the answers  \(verdict.hitRate)  (\(verdict.answerHits) of \(verdict.heldOut))")
        print("  hit rate of the hint     \(verdict.hintHitRate)")
        print("  agreement with the hint  \(verdict.agreementWithHint)")
        print("  agreement of both runs   \(verdict.agreementWithoutHint)")
        let failures = verdict.failures.map(\.description).joined(separator: "; ")
        print("  verdict                  \(verdict.passes ? "passes" : failures)")
    }
}
