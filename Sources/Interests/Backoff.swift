#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// How often and after which pauses a request is tried again.
package struct Backoff: Sendable, Equatable {
    package var tries = 5
    package var firstPause = Duration.milliseconds(500)
    package var longestPause = Duration.seconds(60)

    package init() {}

    package init(tries: Int, firstPause: Duration, longestPause: Duration) {
        self.tries = tries
        self.firstPause = firstPause
        self.longestPause = longestPause
    }

    /// Doubles with each try, and is drawn between half of that and all of it: so clients that failed together do not
    /// come back together.
    package func pause(afterTry number: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let doubled = firstPause * (1 << min(number - 1, 20))
        return min(doubled, longestPause) * Double.random(in: 0.5...1, using: &generator)
    }

    /// The pause that a `Retry-After` asks for, as seconds or as a date; nil for anything else.
    ///
    /// - Parameter now: seconds since 1970.
    package static func asked(by header: String?, now: Int) -> Duration? {
        guard let header else { return nil }
        if let seconds = Double(header), seconds.isFinite, seconds >= 0 { return .seconds(min(seconds, 1e9)) }
        return seconds(ofDate: header).map { .seconds(max(0, $0 - now)) }
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that a server may send today, since 1970.
    private static func seconds(ofDate text: String) -> Int? {
        let words = text.split { " :".contains($0) }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard words.count == 8, words[7] == "GMT", let month = months.firstIndex(of: String(words[2])) else {
            return nil
        }
        let numbers = [words[1], words[3], words[4], words[5], words[6]].compactMap { Int32($0) }
        guard numbers.count == 5, (1970...9999).contains(numbers[1]) else { return nil }
        var date = tm()
        (date.tm_mday, date.tm_mon, date.tm_year) = (numbers[0], Int32(month), numbers[1] - 1900)
        (date.tm_hour, date.tm_min, date.tm_sec) = (numbers[2], numbers[3], numbers[4])
        return timegm(&date)
    }
}
