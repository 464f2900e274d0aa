import Domain
import Foundation
import Testing

/// The file for Prometheus' textfile collector: always whole, and honest about the last success.
@Suite struct MetricsCommandTests {
    private func lastSuccess(_ command: String) -> String {
        "nearline_run_last_success_timestamp_seconds{command=\"\(command)\"}"
    }

    private func state(_ command: String, _ state: String) -> String {
        "nearline_run_state{command=\"\(command)\",state=\"\(state)\"}"
    }

    @Test func everyRunWritesItAndTheLastSuccessMovesOnSuccessOnly() throws {
        let shop = try Shop.published(), path = "\(shop.folder)/nearline.prom"
        let settings = ["NEARLINE_METRICS": path]
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again", with: settings)
        let first = try MetricsFacts(file: path)
        #expect(first["nearline_release"] == 2)
        #expect(first["nearline_release_as_of_timestamp_seconds"] == 1_767_225_600)
        #expect(try Int(first["nearline_release_users"] ?? -1) == shop.number("SELECT users FROM nearline.status"))
        #expect(first[state("precompute", "done")] == 1 && first[state("precompute", "failed")] == 0)
        let succeeded = try #require(first[lastSuccess("precompute")])
        #expect(abs(succeeded - Date.now.timeIntervalSince1970) < 600)

        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--again", "--candidates", "7", code: 65, saying: ["users"],
            with: settings.merging(["NEARLINE_MIN_USERS": "1000000"]) { $1 })
        let second = try MetricsFacts(file: path)
        #expect(second[lastSuccess("precompute")] == succeeded)
        #expect(second[state("precompute", "failed")] == 1 && second[state("precompute", "done")] == 0)
        #expect(second["nearline_release"] == 2 && second["nearline_release_waiting_gates_failed"] == 1)
        #expect(
            try #require(second["nearline_metrics_written_timestamp_seconds"])
                > (try #require(first["nearline_metrics_written_timestamp_seconds"])))

        try shop.succeed("rollback", with: settings)
        #expect(try MetricsFacts(file: path)["nearline_release"] == 1)
    }

    @Test func statusWritesItBeforeThereIsAnything() throws {
        let shop = try Shop.imported(), path = "\(shop.folder)/nearline.prom"
        #expect(try shop.commands.run(["status", "--metrics", path]).code == 66)
        let facts = try MetricsFacts(file: path)
        #expect(facts["nearline_release"] == nil && facts.families.contains("nearline_release"))
        #expect(facts[state("import", "done")] == 1)
    }

    @Test(arguments: ["/proc/nearline.prom", "nowhere/nearline.prom"])
    func aPathThatCannotBeWrittenIsAWarningAndTheRunIsDone(_ path: String) throws {
        let shop = try Shop.published()
        let ended = try shop.commands.run(["precompute", "--as-of", Shop.asOf, "--again", "--metrics", path])
        #expect(ended.code == 0)
        #expect(ended.errors.contains("the metrics were not written") && ended.errors.contains(path), "\(ended.errors)")
        #expect(try shop.currentRelease() == 2)
    }

    @Test(arguments: [UInt64(20_261_122)]) func killedAtAnyTimeItLeavesAWholeFile(_ seed: UInt64) throws {
        let shop = try Shop.published(), path = "\(shop.folder)/nearline.prom"
        try shop.succeed("status", "--max-age", "100000d", "--metrics", path)
        var draw = SeededGenerator(seed: seed, stream: 0x0b5)
        var killed = 0
        for _ in 0..<40 {
            let command = try shop.commands.start(["status", "--max-age", "100000d", "--metrics", path])
            usleep(UInt32(draw.below(60_000)))
            command.send(SIGKILL)
            killed += try command.wait().code == 128 + SIGKILL ? 1 : 0
            #expect(throws: Never.self) { try MetricsFacts(file: path) }
        }
        #expect(killed > 0)
        try shop.awaitEndOfSessions()
        try shop.succeed("status", "--max-age", "100000d", "--metrics", path)
        #expect(
            try shop.files(in: ".").filter { $0.hasPrefix("nearline.prom") } == ["nearline.prom"], "nothing is left")
    }
}
