import ChatSupport
import Interests
import Logging
import Postgres
import ResultTables
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct InterestRunTests {
    private let database: EmptyDatabase
    private let process: InterestProcess
    private let keys = InterestProcess.keys

    init() throws {
        database = try EmptyDatabase()
        process = InterestProcess(database: database.name)
        _ = try Migrator(database.connection).migrate()
    }

    private func stored() throws -> Int { try database.number("SELECT count(*) FROM nearline.interest_answer") }

    @Test func everyKeyIsAskedOnceInTheOrderOfSupportAndNeverAgain() async throws {
        let server = try await ChatServer { _ in .answer(body: completion("1")) }
        let first = try await process.run(server, keys: keys.reversed(), budget: InterestBudget(concurrency: 1))
        #expect(first.asked == 12 && first.cached == 0 && first.end == .done && first.tokens == 12 * 12)
        #expect(first.outcomes.map(\.key) == keys && first.outcomes.allSatisfy(\.wasAsked))
        let second = try await process.run(server)
        #expect(second.asked == 0 && second.cached == 12 && second.tokens == 0)
        #expect(second.outcomes.map(\.match) == first.outcomes.map(\.match))
        #expect(server.requests.count == 12 && Set(server.requests.map(\.body)).count == 12)
        try await server.close()
    }

    @Test func aCancelledRunGoesOnBehindWhatItHasStored() async throws {
        let server = try await ChatServer { $0.number < 5 || $0.number > 6 ? .answer(body: completion("1")) : .silence }
        let task = Task { [process] in try await process.run(server, budget: InterestBudget(concurrency: 2)) }
        // Five are answered, two are in flight and stay so.
        while try stored() < 5 || server.requests.count < 7 { await Task.yield() }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        #expect(try stored() == 5)
        let report = try await process.run(server, budget: InterestBudget(concurrency: 2))
        #expect(report.cached == 5 && report.asked == 7 && report.end == .done)
        let asked = Dictionary(grouping: server.requests, by: \.body).mapValues { $0.map(\.number) }
        #expect(asked.count == 12 && asked.values.filter { $0.count == 2 }.count == 2)
        #expect(asked.values.filter { $0.count == 2 }.allSatisfy { [5, 6].contains($0.first) })
        try await server.close()
    }

    @Test func theCapOfRequestsEndsTheRunCleanly() async throws {
        let server = try await ChatServer { _ in .answer(body: completion("1")) }
        let report = try await process.run(server, budget: InterestBudget(concurrency: 4, maxRequests: 5))
        #expect(report.end == .maxRequests && report.asked == 5 && server.requests.count == 5)
        #expect(try stored() == 5)
        let next = try await process.run(server, budget: InterestBudget(concurrency: 4, maxRequests: 7))
        #expect(next.end == .done && next.cached == 5 && next.asked == 7)
        try await server.close()
    }

    @Test func theCapOfTokensIsNeverPassed() async throws {
        let server = try await ChatServer { _ in .answer(body: completion("1", promptTokens: 300, completionTokens: 10))
        }
        let report = try await process.run(server, budget: InterestBudget(concurrency: 4, maxTokens: 2000))
        #expect(report.end == .maxTokens && report.tokens <= 2000 && report.asked >= 4)
        #expect(server.requests.count == report.asked)
        try await server.close()
    }

    @Test func aStopBeginsNothingMore() async throws {
        let server = try await ChatServer { _ in .answer(body: completion("1")) }
        let isOver = Flag()
        let report = try await process.run(
            server, budget: InterestBudget(concurrency: 1), shouldStop: { isOver.isSet },
            progress: { if $0.outcomes.count == 3 { isOver.set() } })
        #expect(report.end == .stopped && report.outcomes.count == 3 && server.requests.count == 3)
        try await server.close()
    }

    private final class Flag: Sendable {
        private let flag = Atomic(false)
        var isSet: Bool { flag.load(ordering: .sequentiallyConsistent) }
        func set() { flag.store(true, ordering: .sequentiallyConsistent) }
    }

    @Test func asManyRequestsAsAllowedAreInFlightAndNeverMore() async throws {
        // Twelve keys in groups of three: a run with fewer in flight would wait for ever.
        let server = try await ChatServer { _ in .together(3, .answer(body: completion("1"))) }
        let report = try await process.run(server, budget: InterestBudget(concurrency: 3))
        #expect(report.asked == 12 && server.mostInFlight == 3)
        try await server.close()
    }

    @Test func aKeyWithoutAnAnswerIsSkippedAndAskedByTheNextRun() async throws {
        let server = try await ChatServer {
            $0.number < 2 ? .answer(status: 500, body: "") : .answer(body: completion("1"))
        }
        let report = try await process.run(server, budget: InterestBudget(concurrency: 1))
        #expect(report.failed == 1 && report.outcomes.count == 11 && report.end == .done)
        #expect(try await process.run(server).asked == 1)
        try await server.close()
    }

    @Test func aServerThatFailsEveryKeyEndsTheRun() async throws {
        let server = try await ChatServer { _ in .answer(status: 500, body: "") }
        await #expect(throws: ChatError.self) { try await process.run(server, budget: InterestBudget(concurrency: 1)) }
        #expect(server.requests.count == 16)
        try await server.close()
    }

    @Test func aFinalRefusalEndsTheRunAtOnceAndTheKeyIsInNoLine() async throws {
        let canary = "sk-canary-77aa", lines = LogLines()
        let server = try await ChatServer {
            $0.number < 3
                ? .answer(status: 500, body: canary)
                : .answer(status: 401, body: #"{"error":{"message":"bad key \#(canary)"}}"#)
        }
        let error = await #expect(throws: ChatError.self) {
            try await process.run(
                server, budget: InterestBudget(concurrency: 1), environment: ["NEARLINE_CHAT_KEY": canary],
                log: Logger(label: "test", factory: { _ in lines }))
        }
        #expect(server.requests.count == 4 && server.requests.first?.headers["authorization"] == ["Bearer \(canary)"])
        let logged = lines.text.kept.withLock { $0 }
        #expect(logged.contains("no answer for key") && !logged.contains("canary"))
        #expect("\(try #require(error))".contains("bad key (key)"))
        try await server.close()
    }

    @Test func answersThatAreNoTextOfPostgresAreStoredAllTheSame() async throws {
        let server = try await ChatServer { _ in
            .answer(body: completion(#"a\u0000b"#).replacing(#"\\u"#, with: #"\u"#))
        }
        let report = try await process.run(server, keys: [keys[0]])
        #expect(report.outcomes.map(\.match) == [.invalid(.unknownName)])
        #expect(try database.texts("SELECT answer AS it FROM nearline.interest_answer") == ["ab"])
        try await server.close()
    }

    @Test func keysOfUnknownClustersAreCountedApart() async throws {
        let server = try await ChatServer { _ in .answer(body: completion("1")) }
        let report = try await process.run(server, keys: [keys[0], SmallShop.key(10, 999)])
        #expect(report.unaskable == 1 && report.asked == 1)
        try await server.close()
    }
}
