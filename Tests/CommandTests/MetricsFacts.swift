import Foundation
import Testing

/// An OpenMetrics file, read strictly: whatever the specification does not allow for gauges is a failure.
struct MetricsFacts {
    /// By name with labels, as it stands in the file.
    private(set) var values: [String: Double] = [:]
    private(set) var families: [String] = []

    init(file path: String) throws { try self.init(String(contentsOfFile: path, encoding: .utf8)) }

    init(_ text: String) throws {
        try #require(text.hasSuffix("\n# EOF\n"), "the end is there, and nothing behind it")
        var family = "", described: Set<String> = []
        for line in text.dropLast("# EOF\n".count).split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if let match = line.wholeMatch(of: #/# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)/#) {
                let (kind, name, rest) = (match.1, String(match.2), match.3)
                if kind == "TYPE" {
                    try #require(rest == "gauge" && !families.contains(name), "\(line)")
                    families.append(name)
                    (family, described) = (name, [])
                }
                if kind == "UNIT" { try #require(name.hasSuffix("_" + rest), "\(line)") }
                try #require(name == family && described.insert(String(kind)).inserted, "\(line)")
                try #require(!rest.contains("\""), "quotes are escaped: \(line)")
                continue
            }
            let sample = #/([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)/#
            let match = try #require(line.wholeMatch(of: sample), "no line of OpenMetrics: \(line)")
            try #require(match.1 == family && !described.isEmpty, "not of its family: \(line)")
            let key = match.1 + (match.2 ?? "")
            try #require(values[String(key)] == nil, "twice: \(line)")
            values[String(key)] = try #require(Double(String(match.3)) as Double?, "no number: \(line)")
        }
    }

    subscript(_ name: String) -> Double? { values[name] }
}
