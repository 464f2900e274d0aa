import Foundation
import Pipeline
import Testing

@Suite struct RunLimitsTests {
    @Test(arguments: [
        ("deadline", "25:00"), ("deadline", "5:30"), ("deadline", "soon"), ("deadline", "0m"), ("stall", ""),
        ("stall", "30"), ("stall", "-1m"), ("max-memory", "4GiB"), ("max-memory", "-1"),
    ]) func whatIsNoLimitIsRefused(_ name: String, _ value: String) throws {
        #expect {
            try Settings(flags: [name: value], environment: [:], file: nil)
        } throws: { error in
            "\(error)".contains("\(name) '\(value)' (from flag)")
        }
    }

    @Test(arguments: [
        ("deadline", ""), ("deadline", "05:30"), ("deadline", "2h"), ("deadline", "2026-01-31T05:30:00Z"),
        ("stall", "off"), ("stall", "90s"), ("max-memory", "0"), ("max-memory", "4096"),
    ]) func whatIsALimitIsTaken(_ name: String, _ value: String) throws {
        #expect(try Settings(flags: [name: value], environment: [:], file: nil).text(name) == value)
    }

    @Test(arguments: [
        ("2026-01-31T04:00:00Z", "05:30", "2026-01-31T05:30:00Z"),
        ("2026-01-31T05:30:00Z", "05:30", "2026-02-01T05:30:00Z"),
        ("2026-01-31T23:59:00Z", "00:00", "2026-02-01T00:00:00Z"),
        ("2026-01-31T04:00:00Z", "90m", "2026-01-31T05:30:00Z"),
        ("2026-01-31T04:00:00Z", "2026-01-30T00:00:00Z", "2026-01-30T00:00:00Z"),
    ]) func aDeadlineIsTheNextTimeOfItsKind(_ now: String, _ text: String, _ expected: String) throws {
        let found = RunLimits.deadline(text, after: try Date(now, strategy: .iso8601))
        #expect(found?.formatted(.iso8601) == expected)
    }
}
