import Histories
import Pipeline
import Postgres
import TestSupport
import Testing

@Suite struct InstantTests {
    private let database: TestDatabase
    private let source: EventSource

    init() throws {
        database = try TestDatabase()
        try database.connection.script(
            "CREATE TABLE e (user_id bigint, item_id bigint, occurred_at timestamptz, action text)", doing: "preparing")
        source = try EventSource(SourceNames(events: "e", items: nil, exclusions: nil), on: database.connection)
    }

    private func instant(_ text: String) throws -> Instant {
        try Instant(text, source: source, on: database.connection)
    }

    @Test(
        arguments: [
            ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00.000000Z", 1_769_817_600_000_000),
            ("2026-01-31 01:00:00.000001+01", "2026-01-31T00:00:00.000001Z", 1_769_817_600_000_001),
            ("2026-01-31", "2026-01-31T00:00:00.000000Z", 1_769_817_600_000_000),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z", -1),
            ("epoch", "1970-01-01T00:00:00.000000Z", 0),
        ] as [(String, String, Int64)])
    func anInstantIsKeptToTheMicrosecondInUTC(_ given: String, _ text: String, _ microseconds: Int64) throws {
        let found = try instant(given)
        #expect(found.text == text && found.microseconds == microseconds)
    }

    @Test func secondsAreThoseThatHaveBegun() throws {
        #expect(try instant("1970-01-01T00:00:01.999999Z").seconds == 1)
        #expect(try instant("1969-12-31T23:59:59.999999Z").seconds == -1)
        #expect(try instant("1969-12-31T23:59:59Z").seconds == -1)
    }

    @Test(arguments: [
        "", "yesterdayish", "2026-02-30", "2026-01-31T25:00:00Z", "infinity", "-infinity", "99999999999999",
    ])
    func whatIsNoInstantIsRefusedByName(_ text: String) throws {
        #expect(throws: JobError.badInstant(text)) { try instant(text) }
    }

    @Test func latestIsTheNewestEventThatIsNotInTheFuture() throws {
        #expect(throws: SourceError.noEvents(relation: "e", asOf: "now")) { try instant("latest") }
        try database.connection.script(
            """
            INSERT INTO e VALUES (1, 1, '2025-03-04 05:06:07.000008Z', 'click'), (1, 1, '2024-01-01Z', 'click'),
                (1, 1, now() + interval '1 hour', 'click'), (1, 1, 'infinity', 'click'), (1, 1, NULL, 'click')
            """, doing: "preparing")
        #expect(try instant("latest").text == "2025-03-04T05:06:07.000008Z")
    }

    @Test func nowIsTheServersClock() throws {
        let before = try database.connection.execute(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS t", doing: "asking")[0].int("t")
        let now = try instant("now").microseconds
        #expect(Int64(before) <= now && now < Int64(before) + 600_000_000)
    }

    @Test func whatWasWrittenIsReadBackTheSame() throws {
        let first = try instant("2026-01-31 12:34:56.789012+05:30")
        #expect(try instant(first.text) == first)
    }
}
