import Foundation
import Testing

/// docs/operations.md against what the executable writes: somebody pastes these alerts, and relies on them.
@Suite struct OperationsPageTests {
    private static let path =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/docs/operations.md"

    private func page() throws -> String { try String(contentsOfFile: Self.path, encoding: .utf8) }

    private func metrics() throws -> Set<String> {
        let section = try #require(page().firstMatch(of: #/## Metrics([\s\S]*?)## Alerts/#)).1
        return names(in: section, #/\| `(nearline_[a-z_]+)` \|/#)
    }

    private func names(in text: some StringProtocol, _ pattern: Regex<(Substring, Substring)>) -> Set<String> {
        Set(String(text).matches(of: pattern).map { String($0.1) })
    }

    @Test func everyMetricIsExplainedAndNoOther() throws {
        let shop = try Shop.published(), path = "\(shop.folder)/nearline.prom"
        try shop.succeed("status", "--max-age", "100000d", "--metrics", path)
        #expect(try metrics() == Set(MetricsFacts(file: path).families))
    }

    @Test func everyAlertIsAboutMetricsThatThereAreAndHasALineInTheRunbook() throws {
        let page = try page(), block = try #require(page.firstMatch(of: #/```yaml\n([\s\S]*?)```/#)).1
        let alerts = names(in: block, #/- alert: (\w+)/#)
        #expect(alerts.count > 10)
        #expect(try names(in: block, #/(nearline_[a-z_]+)/#).isSubset(of: metrics()))
        #expect(names(in: page, #/\n\| (Nearline\w+) \|/#) == alerts)
        for alert in block.split(separator: "- alert: ").dropFirst() {
            for key in ["expr: ", "severity: ", "summary: "] { #expect(alert.contains(key), "\(key) in \(alert)") }
        }
    }
}
