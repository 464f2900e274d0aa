import Foundation
import Testing

/// Hosts whose clocks are wrong: what counts is the database's.
@Suite(.enabled(if: WrongClock.library != nil, "there is no libfaketime here (Debian: faketime)"))
struct ClockTests {
    /// - Parameter offset: as `-1h`.
    private func clock(_ offset: String) -> [String: String] {
        ["LD_PRELOAD": WrongClock.library!, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"]
    }

    @Test(arguments: ["-3h", "+3h"])
    func aHostWhoseClockIsWrongMakesTheSameLists(_ offset: String) throws {
        let shop = try Shop.published()
        // Two hours ago: on a host that is behind, in an hour.
        try shop.execute(
            """
            INSERT INTO shop.events (user_id, item_id, occurred_at, action)
            SELECT user_id, item_id, now() - interval '2 hours', 'click' FROM shop.events
            WHERE occurred_at > (SELECT max(occurred_at) - interval '1 day' FROM shop.events)
            """)
        try shop.succeed("precompute")
        let asOf = try shop.text(
            "SELECT to_char(as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS text FROM nearline.release WHERE release = 2"
        )
        let ended = try shop.commands.run(["precompute", "--as-of", asOf, "--again"], with: clock(offset))
        #expect(ended.code == 0, "\(ended.errors)")
        #expect(try shop.payloads(ofRelease: 3) == shop.payloads(ofRelease: 2))
        #expect(try shop.number("SELECT count(*) FROM nearline.quarantine") == 0)
        #expect(try shop.payloads(ofRelease: 2) != shop.payloads(ofRelease: 1))
        // The day that it is, too.
        let refused = try shop.commands.run(
            ["precompute", "--date", try shop.text("SELECT ((now() AT TIME ZONE 'UTC')::date + 1)::text AS text")],
            with: clock("+30h"))
        #expect(refused.code == 65 && refused.errors.contains("has not begun"), "\(refused.errors)")
    }

    @Test func aWorkerWhoseClockIsWrongKeepsAndLosesItsLeaseAsAnyOther() throws {
        let (calm, shop) = (try Shop.published(), try Shop.published())
        let command = ["precompute", "--as-of", Shop.asOf, "--candidates", "13", "--workers", "2"]
        let small = ["NEARLINE_SHARD_USERS": "7"]
        for (place, offset) in [(calm, "+0h"), (shop, "-2h")] {
            let ended = try place.commands.run(command, with: small.merging(clock(offset)) { $1 })
            #expect(ended.code == 0, "\(ended.errors)")
            #expect(try place.number("SELECT count(*) FROM nearline.run WHERE state = 'lost'") == 0)
        }
        #expect(try shop.payloads(ofRelease: 2) == calm.payloads(ofRelease: 2))
    }
}

private enum WrongClock {
    static let library = [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    ].first { FileManager.default.fileExists(atPath: $0) }
}
