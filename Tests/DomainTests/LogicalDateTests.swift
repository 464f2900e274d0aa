import Domain
import Testing

@Suite struct LogicalDateTests {
    @Test(arguments: [
        ("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11_016), ("2000-03-01", 11_017), ("2026-11-22", 20_779),
        ("0001-01-01", -719_162), ("9999-12-31", 2_932_896),
    ]) func aDayIsCountedFromTheEpochAndWrittenBack(_ text: String, _ day: Int) throws {
        #expect(try #require(LogicalDate(text)).day == day)
        #expect(LogicalDate(day: day).description == text)
    }

    @Test(arguments: [
        "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-1-31", "2026-01-31 ", "+026-01-31",
        "0000-01-01", "20260131", "", "today", "2026-01-31T00:00:00Z", "2026/01/31", "-026-01-01", "٢٠٢٦-٠١-٣١",
    ]) func whatIsNoDayOfTheCalendarIsNone(_ text: String) { #expect(LogicalDate(text) == nil) }

    @Test func aDayIsFollowedByTheNextThroughCenturies() throws {
        let first = try #require(LogicalDate("1896-01-01")), last = try #require(LogicalDate("2105-01-01"))
        for day in first.day..<last.day {
            let date = LogicalDate(day: day)
            #expect(LogicalDate(date.description) == date && date.advanced(by: 1) > date)
            #expect(date.midnight < date.advanced(by: 1).midnight)
        }
    }
}
