import Foundation
import Testing

/// Standard streams that are closed, full, or read by somebody who leaves: the work is done, and the code says what happened.
@Suite struct StreamTests {
    /// Runs a line of shell in which `nearline` is the executable; the code is that of the line.
    private func shell(_ shop: Shop, _ line: String) throws -> Ended {
        let path = try #require(ProcessInfo.processInfo.environment["NEARLINE_BIN"])
        let running = try RunningCommand(
            "/bin/bash", ["-c", "nearline() { \"\(path)\" \"$@\"; }; \(line)"],
            environment: shop.commands.environment, folder: shop.folder, input: nil)
        return try running.wait(seconds: 60)
    }

    private static let night = "nearline precompute --as-of \(Shop.asOf) --again"

    @Test func aLogThatCannotBeWrittenEndsNoRun() throws {
        let shop = try Shop.published()
        for (number, log) in [(2, "2>/dev/full"), (3, "2>&-"), (4, "2> >(exit)")] {
            let ended = try shell(shop, "\(Self.night) \(log)")
            #expect(ended.code == 0 && ended.output.contains("release \(number) is current"), "\(log): \(ended)")
        }
        #expect(try shop.payloads(ofRelease: 4) == shop.payloads(ofRelease: 1))
    }

    @Test func anAnswerThatNobodyWantsIsNoFaultAndOneThatCannotBeWrittenIs() throws {
        let shop = try Shop.published()
        // Whoever reads has gone before there is anything to read.
        let unread = try shell(shop, "nearline runs --count 100 --json | true; exit ${PIPESTATUS[0]}")
        #expect(unread.code == 0, "\(unread)")
        let full = try shell(shop, "nearline runs >/dev/full")
        #expect(full.code == 74 && full.errors.contains("cannot write the answer"), "\(full)")
    }

    /// The next file that is opened has the number of one that is closed: the answer would go into a session of the database.
    @Test func streamsThatAreClosedAreTakenByNothingElse() throws {
        let shop = try Shop.published()
        for closed in ["<&-", ">&-", "<&- >&- 2>&-"] {
            let before = try shop.number("SELECT max(release) FROM nearline.release")
            let ended = try shell(shop, "\(Self.night) \(closed)")
            #expect(ended.code == 0, "\(closed): \(ended)")
            #expect(try shop.currentRelease() == before + 1, "\(closed)")
            #expect(try shop.payloads(ofRelease: before + 1) == shop.payloads(ofRelease: 1))
        }
        #expect(try shop.number("SELECT count(*) FROM nearline.run WHERE state NOT IN ('done')") == 0)
    }
}
