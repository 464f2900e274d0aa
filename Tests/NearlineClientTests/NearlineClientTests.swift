import Domain
import NearlineClient
import Postgres
import ResultTables
import TestSupport
import Testing

/// Every answer is whole, of one release, and of the current one; where it cannot be, the error says why.
@Suite struct NearlineClientTests {
    private let database: EmptyDatabase
    private let drawn = DrawnRelease()

    init() throws { database = try EmptyDatabase.migrated() }

    private func client() throws -> NearlineClient { try NearlineClient("dbname=\(database.name)") }

    private func user(_ place: Int) -> UserKey {
        guard case .integer(let value) = drawn.lists[place].user else { fatalError("users are bigint here") }
        return .integer(value)
    }

    private func failure(_ body: () throws -> Void) -> NearlineClientError? { thrown(NearlineClientError.self, body) }

    // MARK: lists

    @Test func aListSaysWhereItIsFromAndHowOldItIs() throws {
        let release = try database.publish(drawn)
        let list = try client().candidates(for: user(4))
        let asOf = Instant(microsecondsSince1970: 1_735_689_600_000_001)
        #expect(list.release == release && list.asOf == asOf && list.origin == .own)
        #expect(list.asOf.description == "2025-01-01T00:00:00Z")
        #expect(list.age(at: Instant(microsecondsSince1970: asOf.microsecondsSince1970 + 5)) == .microseconds(5))
        let published = try database.number(
            "SELECT extract(epoch FROM published_at) * 1000000 FROM nearline.current_release")
        #expect(list.publishedAt == Instant(microsecondsSince1970: Int64(published)))
    }

    @Test func anUpdatedUserGetsTheUpdateAndNobodyElse() throws {
        let release = try database.publish(drawn)
        let client = try client()
        let before = try client.candidates(for: [user(4), user(5), 1])
        let update = [Candidate(row: 7, score: 0.5, source: .repeat), Candidate(row: 3, score: 0.25, source: .popular)]
        try database.update(drawn.lists[4].user, drawn, update, asOf: "2025-03-01Z")
        // A user who had no list.
        try database.update(.integer(1), drawn, update, asOf: "infinity")
        let after = try client.candidates(for: [user(4), user(5), 1])
        #expect(after.map(\.origin) == [.overlay, .own, .overlay])
        #expect(after[1] == before[1])
        #expect(after[0].items.map(\.score) == [0.5, 0.25] && after[0].items.map(\.source) == [.repeat, .popular])
        #expect(after[0].asOf == Instant(microsecondsSince1970: 1_740_787_200_000_000) && after[0].release == release)
        #expect(after[2].items == after[0].items)
        #expect(try client.candidates(for: user(4)) == after[0])
        // PostgreSQL's ends of time are as far away as can be said.
        #expect(after[2].age() < .zero && after[2].asOf.microsecondsSince1970 == .max)
        try database.run("UPDATE nearline.overlay_r\(release) SET as_of = '-infinity'")
        #expect(try client.candidates(for: user(4)).age() == .microseconds(Int64.max))
    }

    @Test func aDamagedUpdateIsAnErrorAndNeverTheListBeforeIt() throws {
        let release = try database.publish(drawn)
        try database.update(drawn.lists[4].user, drawn, [], asOf: "2025-03-01Z")
        let client = try client()
        #expect(try client.candidates(for: user(4)).items.isEmpty)
        try database.run("UPDATE nearline.overlay_r\(release) SET payload = ''")
        guard case .damagedPayload(release, _)? = failure({ _ = try client.candidates(for: user(4)) }) else {
            Issue.record("it should be damaged")
            return
        }
    }

    @Test func aKeyThatNoUserCanHaveGetsTheFallback() throws {
        let numbers = DrawnRelease(users: .int)
        try database.publish(numbers)
        let client = try client()
        #expect(try client.candidates(for: .integer(Int64(Int32.min))).origin == .own)
        // Cut to 32 bits it would be the first user of all.
        #expect(try client.candidates(for: .integer(Int64(Int32.min) - 1 << 32)).origin == .fallback)
        #expect(failure { _ = try client.candidates(for: "x") } == .wrongKeyType(expected: .integer))
        #expect(
            failure { _ = try client.candidates(for: [1, .uuid(high: 1, low: 2)]) } == .wrongKeyType(expected: .integer)
        )
    }

    @Test func textThatNoColumnHoldsIsNobodysAndLongTextIsAsked() throws {
        let words = DrawnRelease(users: .text)
        try database.publish(words)
        let client = try client()
        let own = UserKey.text(words.lists[3].user.description)
        let long = UserKey.text(String(repeating: "ü", count: 40_000))
        let lists = try client.candidates(for: ["a\0b", own, long, "", own])
        #expect(lists.map(\.origin) == [.fallback, .own, .fallback, .fallback, .own])
        #expect(lists[1] == lists[4])
    }

    @Test func aBatchMayBeEmptyOrLongerThanAnyBuffer() throws {
        try database.publish(drawn)
        let client = try client()
        #expect(try client.candidates(for: [UserKey]()).isEmpty)
        let keys = (0..<3000).map { $0 % 7 == 0 ? UserKey.integer(Int64($0)) : user($0 % 30) }
        let lists = try client.candidates(for: keys)
        let single = try Dictionary(uniqueKeysWithValues: Set(keys).map { ($0, try client.candidates(for: $0)) })
        #expect(zip(keys, lists).allSatisfy { single[$0] == $1 })
    }

    // MARK: releases

    @Test func whatIsPublishedIsSeenByTheNextLookup() throws {
        try database.publish(drawn.marked(1))
        let client = try client()
        #expect(try client.candidates(for: user(4)).release == 1)
        #expect(try client.nextClusters(latest: "tea").release == 1)
        try database.publish(drawn.marked(2))
        #expect(try client.nextClusters(latest: "tea").release == 2)
        try database.publish(drawn.marked(3))
        #expect(try client.currentRelease().number == 3)
        try database.publish(drawn.marked(4))
        let lists = try client.candidates(for: [user(4), 1])
        #expect(lists.map(\.release) == [4, 4])
        try database.run("UPDATE nearline.current_release SET release = 2")
        let back = try client.candidates(for: user(4))
        #expect(back.release == 2 && back.items.map(\.item) == [.integer(Int64.max - 2)])
    }

    @Test func aReleaseThatWasPrunedWhileNobodyAskedIsNoObstacle() throws {
        try database.publish(drawn)
        let client = try client()
        _ = try client.candidates(for: user(4))
        _ = try client.nextClusters(latest: "tea")
        try database.publish(drawn)
        try database.drop(1)
        #expect(try client.nextClusters(latest: "tea").release == 2)
        try database.publish(drawn)
        try database.drop(2)
        #expect(try client.candidates(for: user(4)).release == 3)
        try database.publish(drawn)
        try database.drop(3)
        #expect(try client.candidates(for: [user(4), user(5)]).map(\.release) == [4, 4])
    }

    @Test func aPinnedReleaseIsReadUntilItIsPruned() throws {
        try database.publish(drawn.marked(1))
        let client = try client()
        let gone = failure {
            try client.withPinnedRelease { pinned in
                #expect(pinned.release.number == 1)
                try database.publish(drawn.marked(2))
                #expect(try client.candidates(for: user(4)).release == 2)
                #expect(try pinned.candidates(for: user(4)).release == 1)
                let lists = try pinned.candidates(for: [user(4), 1])
                #expect(lists.map(\.release) == [1, 1])
                #expect(lists.allSatisfy { $0.items.map(\.item) == [.integer(Int64.max - 1)] })
                #expect(try pinned.nextClusters(latest: "tea").release == 1)
                try database.run("DELETE FROM nearline.current_release")
                #expect(failure { _ = try pinned.candidates(for: user(4)) } == .nothingPublished)
                try database.run("INSERT INTO nearline.current_release (release) VALUES (2)")
                try database.drop(1)
                _ = try pinned.candidates(for: user(4))
            }
        }
        #expect(gone == .releaseGone(release: 1))
        #expect(try client.candidates(for: user(4)).release == 2)
        #expect(try client.withPinnedRelease { $0.release.number } == 2)
    }

    @Test func everyBatchIsOfOneReleaseWhileReleasesFollowEachOther() async throws {
        let rows: [UInt32] = [1, 2, 3, 4, 5, 6, 7, 8]
        let releases = try rows.map { try database.build(drawn.marked($0)) }
        try ReleaseSwitch(database.connection).publish(releases[0])
        let keys = (0..<20).map { user($0) } + [1, 2]
        let name = database.name
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                let client = try NearlineClient("dbname=\(name)")
                var seen = Set<Int>()
                while !seen.contains(8) {
                    let lists = try client.candidates(for: keys) + [try client.candidates(for: keys[0])]
                    seen.formUnion(lists.map(\.release))
                    #expect(Set(lists.dropLast().map(\.release)).count == 1)
                    for list in lists {
                        // The item that marks the release, in the keys of its dictionary.
                        #expect(list.items.map(\.item) == [.integer(Int64.max - Int64(list.release))])
                    }
                }
                return seen.count
            }
            for release in releases.dropFirst() { try ReleaseSwitch(database.connection).publish(release) }
            for try await seen in group { #expect(seen > 0) }
        }
    }

    // MARK: what goes wrong

    @Test func beforeAnythingIsThereTheErrorSaysSo() throws {
        #expect(failure { _ = try client().candidates(for: 1) } == .nothingPublished)
        #expect(failure { _ = try client().currentRelease() } == .nothingPublished)
        let empty = try EmptyDatabase()
        let error = failure { _ = try NearlineClient("dbname=\(empty.name)").candidates(for: 1) }
        #expect(error == .schemaTooOld(found: 0, needed: 8))
    }

    @Test func aSchemaWithoutWhatIsReadIsNewer() throws {
        try database.publish(drawn)
        try database.run("ALTER TABLE nearline.release RENAME as_of TO read_up_to")
        guard case .schemaTooNew? = failure({ _ = try client().candidates(for: 1) }) else {
            Issue.record("it should be too new")
            return
        }
    }

    @Test func aDamagedListIsAnErrorAndNeverTheFallback() throws {
        let release = try database.publish(drawn)
        try database.run(
            """
            UPDATE nearline.candidate_r\(release) SET payload = set_byte(payload, 15, get_byte(payload, 15) # 4)
            WHERE user_id = \(drawn.lists[4].user)
            """)
        let client = try client()
        for ask in [
            { _ = try client.candidates(for: user(4)) }, { _ = try client.candidates(for: [user(5), user(4)]) },
        ] {
            guard case .damagedPayload(release, let reason)? = failure(ask) else {
                Issue.record("it should be damaged")
                return
            }
            #expect(reason.contains("checksum"))
        }
        #expect(try client.candidates(for: user(5)).origin == .own)
    }

    @Test func aListWithAnItemThatIsNotInTheDictionaryIsAnError() throws {
        var odd = drawn
        odd.lists[4].list = [Candidate(row: 49, score: 1, source: .model)]
        let release = try database.publish(odd)
        try database.run("DELETE FROM nearline.release_item_r\(release) WHERE item_row = 49")
        guard case .damagedRelease(release, _)? = failure({ _ = try client().candidates(for: user(4)) }) else {
            Issue.record("it should be damaged")
            return
        }
        try database.run("DELETE FROM nearline.release_item_r\(release) WHERE item_row = 20")
        guard case .damagedRelease(release, _)? = failure({ _ = try client().candidates(for: user(5)) }) else {
            Issue.record("it should be damaged")
            return
        }
    }

    @Test func aLostConnectionIsUnreachableUntilTheCallerReconnects() throws {
        try database.publish(drawn)
        let client = try client()
        let before = try client.candidates(for: user(4))
        try database.connection.execute(
            "SELECT pg_terminate_backend($1::int, 10000)", [.int(Int64(client.backendPID))], doing: "ending a session")
        for _ in 0..<2 {
            guard case .unreachable? = failure({ _ = try client.candidates(for: user(4)) }) else {
                Issue.record("it should be unreachable")
                return
            }
        }
        try client.reconnect()
        #expect(try client.candidates(for: user(4)) == before)
        #expect(try client.candidates(for: [user(4)]) == [before])
    }

    @Test func aServerThatIsNotThereIsUnreachable() {
        guard case .unreachable? = failure({ _ = try NearlineClient("host=/nowhere port=1") }) else {
            Issue.record("it should be unreachable")
            return
        }
    }

    @Test func statementsThatVanishArePreparedAgain() throws {
        try database.publish(drawn)
        let client = try client()
        let before = try client.candidates(for: [user(4), user(5), 1])
        for _ in 0..<3 {
            try client.session.connection.execute("DEALLOCATE ALL", doing: "as a pooler would")
            #expect(try client.candidates(for: user(4)) == before[0])
            try client.session.connection.execute("DEALLOCATE ALL", doing: "as a pooler would")
            #expect(try client.candidates(for: [user(4), user(5), 1]) == before)
        }
    }

    @Test func plansOfFormerReleasesAreForgotten() throws {
        let client = try client()
        for _ in 0..<4 {
            try database.publish(drawn)
            _ = try client.candidates(for: user(4))
            _ = try client.nextClusters(latest: "tea")
            _ = try client.currentRelease()
        }
        let plans = try client.session.connection.execute(
            "SELECT count(*) AS n FROM pg_prepared_statements", doing: "counting plans")[0].int("n")
        #expect(plans == 3)
    }

    @Test func namesOfClustersAreThoseOfTheBuildThatIsServed() throws {
        let client = try client()
        try database.publish(drawn)
        let before = try client.nextClusters(latest: "tea")
        let pinned = { try client.withPinnedRelease { try $0.nextClusters(latest: "tea!") } }
        try database.run(
            """
            WITH b AS (
                INSERT INTO nearline.transition_build (release, as_of, cluster_source, input_hash, settings, clusters, keys,
                    transitions, payload_bytes)
                SELECT release, as_of, cluster_source, input_hash, settings, clusters, keys, transitions, payload_bytes
                FROM nearline.transition_build RETURNING build, release
            ) UPDATE nearline.release r SET transition_build = b.build FROM b WHERE b.release = r.release;
            UPDATE nearline.release_cluster SET name = name || '!';
            """)
        let after = try client.nextClusters(latest: "tea!")
        #expect(after.basis == .latest && after.places.map(\.cluster) == before.places.map { $0.cluster + "!" })
        #expect(try pinned() == after)
    }

    @Test func aRoleWithoutGrantsIsTold() throws {
        try database.publish(drawn)
        let role = database.name + "_reader"
        try database.run("CREATE ROLE \(role) LOGIN; GRANT USAGE ON SCHEMA nearline TO \(role)")
        defer { try? database.run("DROP OWNED BY \(role); DROP ROLE \(role)") }
        guard
            case .noGrant? = failure({
                _ = try NearlineClient("dbname=\(database.name) user=\(role)").candidates(for: 1)
            })
        else {
            Issue.record("it should lack grants")
            return
        }
        try database.run("SELECT nearline.grant_reader('\(role)')")
        let client = try NearlineClient("dbname=\(database.name) user=\(role)")
        #expect(try client.candidates(for: user(4)).origin == .own)
        #expect(try client.nextClusters(latest: "tea").basis == .latest)
        try database.publish(drawn)
        #expect(try client.candidates(for: user(4)).release == 2)
    }
}
