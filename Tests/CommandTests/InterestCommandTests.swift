import ChatSupport
import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

/// A language model is judged, asked about every key, and stands beside the counts; or the plain counts stay.
@Suite(.timeLimit(.minutes(3))) struct InterestCommandTests {
    private static let asked = ["interests", "--min-support", "1", "--model", "small"]

    private func succeed(_ shop: Shop, _ server: ChatServer, _ more: String...) throws -> String {
        let ended = try shop.commands.run(Self.asked + ["--base-url", server.base] + more)
        try #require(ended.code == 0, "\(ended.errors)")
        return ended.output
    }

    /// It fails so, and neither the transitions nor what stands beside them change.
    private func refuse(
        _ shop: Shop, _ base: String, _ more: String..., code: Int32, saying words: [String],
        with settings: [String: String] = [:], at location: SourceLocation = #_sourceLocation
    ) throws {
        let before = try (shop.served(), shop.number("SELECT count(*) FROM nearline.interest"))
        let ended = try shop.commands.run(Self.asked + ["--base-url", base] + more, with: settings)
        #expect(ended.code == code, "\(ended.errors)", sourceLocation: location)
        for word in words { #expect(ended.errors.contains(word), "\(ended.errors)", sourceLocation: location) }
        #expect(ended.output.isEmpty, sourceLocation: location)
        #expect(
            try (shop.served(), shop.number("SELECT count(*) FROM nearline.interest")) == before,
            sourceLocation: location)
    }

    private static let shortKeys = """
        SELECT count(*) FROM nearline.transition WHERE key <> 0
            AND nearline.transition_oldest(key) IS NULL AND nearline.transition_scene(key) = 0
        """

    @Test func whatTheModelExpectsStandsBesideTheCounts() async throws {
        let shop = try Shop.published(), server = try await ChatServer.obedient()
        let before = try shop.payloads(ofRelease: 1)
        let answer = try succeed(shop, server)
        let keys = try shop.number(Self.shortKeys)
        #expect(keys > 20 && answer.hasPrefix("\(keys) keys of build 1, release 1, have an interest by small: 100.0 %"))
        #expect(try shop.number("SELECT count(*) FROM nearline.interest WHERE build = 1 AND cluster = hint") == keys)
        // The most frequent successor, as the counts have it.
        #expect(
            try shop.number(
                """
                SELECT count(*) FROM nearline.interest i JOIN nearline.transition t USING (key)
                CROSS JOIN LATERAL nearline.unpack(t.payload) u WHERE u.rank = 1 AND u.item_row = i.cluster
                """) == keys)
        #expect(try shop.payloads(ofRelease: 1) == before)
        let names = try shop.texts("SELECT name AS text FROM nearline.release_cluster WHERE items > 0 ORDER BY name")
        let sources = try shop.texts(
            "SELECT source AS text FROM nearline.next_clusters('\(names[0])', '\(names[1])') ORDER BY rank")
        #expect(sources.first == "counts, interest" && Set(sources.dropFirst()) == ["counts"], "\(sources)")
        #expect(try shop.succeed("lookup", "--clusters", "\(names[0]),\(names[1])").contains("counts, interest"))
        #expect(try shop.succeed("transitions", "--churn").contains("\(keys) keys have an interest by small"))
    }

    @Test func aSecondRunAsksNothing() async throws {
        let shop = try Shop.published(), server = try await ChatServer.obedient()
        _ = try succeed(shop, server)
        let rows = "SELECT md5(string_agg(i::text, ',' ORDER BY key)) AS text FROM nearline.interest i"
        let (asked, stored) = (server.requests.count, try shop.text(rows))
        #expect(try succeed(shop, server).contains("asked 0 questions"))
        #expect(server.requests.count == asked && server.questions.repeated == 0)
        #expect(try shop.text(rows) == stored)
    }

    @Test func aClusterThatOnlyTheModelExpectsComesLastAndItsItemsAreShown() async throws {
        let shop = try Shop.published()
        // Lookups keep two successors, the model says another one of the list.
        try shop.succeed("transitions", "--as-of", Shop.asOf, with: ["NEARLINE_SUCCESSORS": "2"])
        let server = try await ChatServer { request in
            let question = ChatQuestion(request)
            return .answer(body: completion(question.listed.last { $0 != question.hint } ?? ""))
        }
        let ended = try shop.commands.run(
            Self.asked + ["--base-url", server.base, "--accept-below-hint"],
            with: ["NEARLINE_SUCCESSORS": "2", "NEARLINE_MIN_HIT_RATE": "0"])
        try #require(ended.code == 0, "\(ended.errors)")
        let names = try shop.texts("SELECT name AS text FROM nearline.release_cluster WHERE items > 0 ORDER BY name")
        let question = "nearline.next_clusters('\(names[0])', '\(names[1])')"
        #expect(
            try shop.texts("SELECT source AS text FROM \(question) ORDER BY rank") == ["counts", "counts", "interest"])
        #expect(try shop.number("SELECT count(*) FROM \(question) WHERE probability IS NULL AND rank = 3") == 1)
        let (counted, expected) = (
            try shop.text("SELECT cluster AS text FROM \(question) WHERE rank = 1"),
            try shop.text("SELECT cluster AS text FROM \(question) WHERE rank = 3")
        )
        let items = "nearline.transition_candidates(ARRAY['\(names[0])', '\(names[1])'], 1000)"
        let best = { (cluster: String) in "(SELECT max(score) FROM \(items) WHERE cluster = '\(cluster)')" }
        #expect(try shop.number("SELECT (\(best(expected)) > 0 AND \(best(counted)) > 0)::int") == 1)
        #expect(try shop.succeed("lookup", "--clusters", "\(names[0]),\(names[1])").contains("interest"))
    }

    @Test func answersThatNameNothingAreRefused() async throws {
        let shop = try Shop.published()
        let server = try await ChatServer { _ in .answer(body: completion("I cannot say.")) }
        try refuse(
            shop, server.base, code: 65, saying: ["small was refused", "0.0% of the answers name a new cluster"])
        #expect(try shop.number("SELECT count(*) FROM nearline.interest_answer") > 20)
        #expect(try shop.text("SELECT state AS text FROM nearline.run WHERE command = 'interests'") == "failed")
    }

    @Test func aModelThatIsWorseThanTheCountsIsRefused() async throws {
        let shop = try Shop.published()
        let server = try await ChatServer { request in
            let question = ChatQuestion(request)
            return .answer(body: completion(question.listed.last { $0 != question.hint } ?? ""))
        }
        try refuse(shop, server.base, code: 65, saying: ["the most frequent successors alone", "--accept-below-hint"])
        try refuse(
            shop, server.base, "--accept-below-hint", code: 65, saying: ["hit", "99.0% are needed"],
            with: ["NEARLINE_MIN_HIT_RATE": "0.99"])
        #expect(try succeed(shop, server, "--accept-below-hint").contains("have an interest"))
    }

    @Test func aKilledRunGoesOnWithoutAskingTwice() async throws {
        let shop = try Shop.published()
        let isKilled = Mutex(false)
        let server = try await ChatServer { request in
            guard request.number < 15 || isKilled.withLock({ $0 }) else { return .silence }
            return .answer(body: completion(ChatQuestion(request).obedientAnswer))
        }
        let run = try shop.commands.start(Self.asked + ["--base-url", server.base, "--concurrency", "3"])
        try waitUntil("fifteen answers and three questions in flight") {
            try shop.number("SELECT count(*) FROM nearline.interest_answer") == 15 && server.requests.count == 18
        }
        run.send(SIGKILL)
        #expect(try run.wait().code == 128 + SIGKILL)
        #expect(try shop.number("SELECT count(*) FROM nearline.interest") == 0)
        isKilled.withLock { $0 = true }
        #expect(try succeed(shop, server).contains("knew 15 answers") == false)
        // What was in flight had no answer; of the fifteen that had, none was asked again.
        #expect(server.questions.repeated == 3)
        let again = Dictionary(grouping: server.requests, by: \.body).values.filter { $0.count > 1 }
        #expect(again.allSatisfy { $0.allSatisfy { $0.number >= 15 } && $0.count == 2 })
        #expect(server.requests.count == server.questions.distinct + 3)
        #expect(
            try shop.number("SELECT count(*) FROM nearline.interest_answer") == server.questions.distinct)
    }

    @Test func aCapEndsTheRunAndTheNextOneGoesOn() async throws {
        let shop = try Shop.published(), server = try await ChatServer.obedient()
        let judged = ["--judged", "10"]
        try refuse(
            shop, server.base, "--judged", "10", "--max-requests", "4", code: 75,
            saying: ["the cap of 4 requests came when 4 of the 10 keys"])
        #expect(server.requests.count == 4)
        let capped = try shop.commands.run(
            Self.asked + ["--base-url", server.base, "--max-requests", "12"] + judged)
        #expect(capped.code == 0 && capped.output.contains("the cap of 12 requests came before all keys"), "\(capped)")
        #expect(server.requests.count == 16)
        let some = try shop.number("SELECT count(*) FROM nearline.interest"), keys = try shop.number(Self.shortKeys)
        #expect(some >= 6 && some < keys)
        try refuse(
            shop, server.base, "--max-tokens", "10", code: 75, saying: ["the cap of 10 tokens"])
        #expect(server.requests.count == 16)
        #expect(try succeed(shop, server).contains("cap") == false)
        #expect(server.questions.repeated == 0)
        #expect(try shop.number("SELECT count(*) FROM nearline.interest") == keys)
    }

    @Test func whatIsNotConfiguredIsSaidAtOnce() async throws {
        let shop = try Shop.published()
        func refuse(_ more: [String], _ word: String) throws {
            let ended = try shop.commands.run(["interests"] + more)
            #expect(ended.code == 78 && ended.errors.contains(word), "\(ended)")
        }
        try refuse([], "no model is named to ask: give --model")
        try refuse(["--model", "small"], "no chat server is named to ask: give --base-url")
        try refuse(["--model", "small", "--base-url", "localhost"], "has no http:// or https://")
        try refuse(["--model", "small", "--base-url", "http://me:secret@localhost"], "has a password")
        #expect(try shop.number("SELECT count(*) FROM nearline.run WHERE command = 'interests'") == 0)
    }

    @Test func aServerThatIsNotThereIsUnreachable() async throws {
        let shop = try Shop.published(), server = try await ChatServer.obedient(), base = server.base
        try await server.close()
        try refuse(shop, base, "--concurrency", "8", code: 69, saying: ["was not reached in 5 tries", base])
    }

    @Test func theKeyIsSentAndNeverShown() async throws {
        let canary = "sk-canary-c0ffee17", shop = try Shop.published(), settings = ["NEARLINE_CHAT_KEY": canary]
        let server = try await ChatServer { _ in
            .answer(status: 401, body: #"{"error":{"message":"Incorrect key \#(canary)"}}"#)
        }
        let ended = try shop.commands.run(Self.asked + ["--base-url", server.base], with: settings)
        #expect(ended.code == 78 && ended.errors.contains("answered 401"), "\(ended.errors)")
        #expect(server.requests.first?.headers["authorization"] == ["Bearer \(canary)"])
        #expect(!ended.errors.contains(canary) && !ended.output.contains(canary))
        let config = try shop.commands.run(["config"], with: settings)
        #expect(config.code == 0 && !config.output.contains(canary) && !config.errors.contains(canary))
        for row in try shop.texts("SELECT r::text AS text FROM nearline.run r") { #expect(!row.contains(canary)) }
    }

    @Test func aSignalEndsItPromptlyAlsoWhereTheServerIsMute() async throws {
        let shop = try Shop.published()
        let server = try await ChatServer {
            $0.number < 5 ? .answer(body: completion(ChatQuestion($0).obedientAnswer)) : .silence
        }
        let run = try shop.commands.start(Self.asked + ["--base-url", server.base])
        try waitUntil("five answers and four questions in flight") {
            try shop.number("SELECT count(*) FROM nearline.interest_answer") == 5 && server.requests.count == 9
        }
        run.send(SIGTERM)
        // A request may take a minute.
        let ended = try run.wait(seconds: 20)
        #expect(ended.code == 143, "\(ended.errors)")
        #expect(ended.errors.contains("stopped by signal 15; run the same command again"))
        #expect(try shop.number("SELECT count(*) FROM nearline.interest") == 0)
        #expect(try shop.text("SELECT state AS text FROM nearline.run WHERE command = 'interests'") == "stopped")
    }

    @Test func transitionsThatAreReplacedMeanwhileKeepTheAnswersOut() async throws {
        let shop = try Shop.published(), commands = shop.commands
        let server = try await ChatServer { request in
            if request.number == 0 { _ = try? commands.run(["transitions", "--as-of", Shop.asOf, "--again"]) }
            return .answer(body: completion(ChatQuestion(request).obedientAnswer))
        }
        let ended = try commands.run(Self.asked + ["--base-url", server.base])
        #expect(ended.code == 75 && ended.errors.contains("build 2 replaced the transitions"), "\(ended.errors)")
        #expect(try shop.number("SELECT count(*) FROM nearline.interest_set") == 0)
        // The answers are there for the next run.
        #expect(try succeed(shop, server).contains("asked 0 questions"))
        #expect(try shop.number("SELECT build FROM nearline.interest_set") == 2)
    }

    @Test func newTransitionsBeginWithoutInterestsAndChangedKeysOnlyAreAskedAbout() async throws {
        let shop = try Shop.published(), server = try await ChatServer.obedient()
        _ = try succeed(shop, server)
        let names = try shop.texts("SELECT name AS text FROM nearline.release_cluster WHERE items > 0 ORDER BY name")
        let expected = "SELECT count(*) FROM nearline.next_clusters('\(names[0])') WHERE source <> 'counts'"
        #expect(try shop.number(expected) == 1)
        let refreshed = try shop.succeed("transitions", "--as-of", Shop.asOf, "--again")
        #expect(refreshed.contains("run nearline interests"), "\(refreshed)")
        #expect(try shop.number(expected) == 0)
        let asked = server.requests.count
        _ = try succeed(shop, server)
        #expect(server.requests.count == asked)
        #expect(try shop.number(expected) == 1)
        #expect(try shop.texts("SELECT build::text AS text FROM nearline.interest_set") == ["2"])
        // Of another release they are others; a rollback brings those of the older one back.
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        #expect(try shop.number(expected) == 0)
        try shop.succeed("rollback", "--reason", "a test")
        #expect(try shop.number(expected) == 1)
    }

    @Test func thoseOfAPrunedReleaseGoWithIt() async throws {
        let shop = try Shop.published(), server = try await ChatServer.obedient()
        _ = try succeed(shop, server)
        for _ in 0..<2 { try shop.succeed("precompute", "--as-of", Shop.asOf, "--again") }
        _ = try succeed(shop, server)
        try shop.succeed("prune", "--keep", "1", "--min-age", "0 days")
        #expect(try shop.number("SELECT count(*) FROM nearline.release WHERE pruned_at IS NOT NULL") == 1)
        #expect(try shop.texts("SELECT build::text AS text FROM nearline.interest_set") == ["3"])
        #expect(try shop.number("SELECT count(*) FROM nearline.interest WHERE build <> 3") == 0)
    }

    @Test func aDryRunSendsAndChangesNothing() async throws {
        let shop = try Shop.published(), server = try await ChatServer.obedient()
        let before = try shop.contents()
        let plan = try succeed(shop, server, "--dry-run")
        #expect(plan.hasPrefix("would ask small ") && plan.contains("nothing was sent"), "\(plan)")
        #expect(server.requests.isEmpty)
        #expect(try shop.contents() == before)
        let count = try #require(plan.firstMatch(of: #/ask small (\d+) questions/#).flatMap { Int($0.1) })
        _ = try succeed(shop, server)
        #expect(server.requests.count == count)
        #expect(try succeed(shop, server, "--dry-run").hasPrefix("would ask small 0 questions"))
    }

    @Test func bothWaysAreComparedAndTheHintMayBeKept() async throws {
        let shop = try Shop.published(), server = try await ChatServer.obedient()
        let answer = try succeed(shop, server, "--compare", "--judged", "10", "--json")
        for word in ["\"other_way\":", "\"agreement_of_both_ways\":", "\"agreement_with_hint\":1"] {
            #expect(answer.contains(word), "\(answer)")
        }
        #expect(server.requests.count { ChatQuestion($0).hint == nil } == 10)
        _ = try succeed(shop, server, "--no-hint", "--accept-below-hint")
        #expect(try shop.number("SELECT count(*) FROM nearline.interest WHERE hint IS NOT NULL") == 0)
        #expect(try shop.text("SELECT gave_hint::text AS text FROM nearline.interest_set") == "false")
    }

    @Test func aGivenTextDescribesAClusterInPlaceOfTitles() async throws {
        let shop = try Shop.published(), server = try await ChatServer.obedient()
        try shop.execute(
            """
            CREATE VIEW shop.cluster_texts AS
            SELECT DISTINCT category AS cluster, 'all about ' || category AS text FROM shop.items WHERE category IS NOT NULL
            """)
        let ended = try shop.commands.run(
            Self.asked + ["--base-url", server.base], with: ["NEARLINE_CLUSTER_TEXTS": "shop.cluster_texts"])
        #expect(ended.code == 0, "\(ended.errors)")
        #expect(server.requests.allSatisfy { $0.body.contains("(all about ") })
    }
}
