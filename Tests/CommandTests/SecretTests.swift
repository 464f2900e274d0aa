import Foundation
import Testing

/// No secret in anything that others may read, and no name from a configuration that becomes SQL.
@Suite struct SecretTests {
    private static let canary = "canary-8f2a61c0"

    /// Everything that a command leaves for others to read.
    private func traces(_ shop: Shop, _ ended: [Ended]) throws -> String {
        ended.map { $0.output + $0.errors }.joined()
            + (try shop.texts("SELECT r::text AS text FROM nearline.run r")).joined()
            + (try shop.texts("SELECT q::text AS text FROM nearline.quarantine q")).joined()
            + (try shop.texts("SELECT e::text AS text FROM nearline.release_event e")).joined()
    }

    @Test func passwordsAreInNoAnswerLogLedgerOrProcessList() throws {
        let shop = try Shop.published()
        try shop.write("*:*:*:*:\(Self.canary)\n", to: "pgpass")
        chmod("\(shop.folder)/pgpass", 0o600)
        let settings = [
            "PGPASSWORD": Self.canary, "PGPASSFILE": "\(shop.folder)/pgpass",
            "NEARLINE_METRICS": "\(shop.folder)/nearline.prom",
        ]
        var ended: [Ended] = []
        for arguments in [
            ["doctor"], ["config"], ["precompute", "--as-of", Shop.asOf, "--again"], ["status"], ["runs"],
            ["runs", "1"],
            ["precompute", "--as-of", Shop.asOf, "--again", "--snapshot", "/proc/nowhere"],
            ["train", "--events", "no.such"],
            ["runs", "--database", "port=1 host=127.0.0.1"], ["runs", "--database", "user=nobody_of_that_name"],
            ["runs", "--database", "dbname=no_such_database"], ["runs", "--database", "host"],
        ] {
            ended.append(try shop.commands.run(arguments, with: settings))
        }
        // Held up in the middle, where anybody may look at it with ps.
        try shop.holding("nearline.current_release") {
            let command = try shop.commands.start(["precompute", "--as-of", Shop.asOf, "--again"], with: settings)
            try shop.awaitLockWait(of: "precompute")
            let line = try String(contentsOfFile: "/proc/\(command.identifier)/cmdline", encoding: .utf8)
            #expect(line.contains("precompute") && !line.contains(Self.canary))
            let sessions = try shop.texts("SELECT application_name || query AS text FROM pg_stat_activity")
            #expect(!sessions.contains { $0.contains(Self.canary) && !$0.contains("canary in a test") })
            command.send(SIGKILL)
            ended.append(try command.wait())
        }
        let metrics = try String(contentsOfFile: "\(shop.folder)/nearline.prom", encoding: .utf8)
        #expect(try !(traces(shop, ended) + metrics).contains(Self.canary))
    }

    @Test(arguments: [
        "password=canary-8f2a61c0", "dbname=x password = 'canary-8f2a61c0'",
        "postgresql://me:canary-8f2a61c0@host/shop",
        "postgresql://host/shop?password=canary-8f2a61c0",
    ]) func aPasswordInTheConnectionStringIsRefusedUnsaid(_ conninfo: String) throws {
        let commands = Commands(folder: FileManager.default.temporaryDirectory.path, ["PGHOST": "/nowhere"])
        for ended in [
            try commands.run(["status", "--database", conninfo]),
            try commands.run(["config"], with: ["NEARLINE_DATABASE": conninfo]),
        ] {
            #expect(ended.code == 78, "\(ended.errors)")
            #expect(!(ended.output + ended.errors).contains(Self.canary))
        }
    }

    /// A setting of another version, or one that is misspelt, may well be a key to something.
    @Test func theValueOfAnUnknownSettingIsNotSaid() throws {
        let commands = Commands(folder: FileManager.default.temporaryDirectory.path, ["PGHOST": "/nowhere"])
        let ended = try commands.run(["config"], with: ["NEARLINE_NO_SUCH_KEY": Self.canary])
        #expect(ended.code == 78 && ended.errors.contains("NEARLINE_NO_SUCH_KEY"), "\(ended.errors)")
        #expect(!(ended.output + ended.errors).contains(Self.canary))
    }

    /// What would get out of quotes, of none, and of a literal.
    private static let attacks = [
        "shop.events\"; DROP TABLE prey; --", "\"shop\".\"events\"; DROP TABLE prey; --",
        "shop.events; DROP TABLE prey; --",
        "shop.events'); DROP TABLE prey; --", "\"; DROP TABLE prey; --", "shop.events WHERE pg_sleep(0) IS NULL",
        "(SELECT * FROM shop.events)", "prey\"\"; DROP TABLE prey; --",
    ]

    @Test(arguments: attacks) func aNameThatWouldBeSQLIsRefusedOrQuoted(_ attack: String) throws {
        let shop = try Shop.published()
        try shop.execute("CREATE TABLE public.prey (n int)")
        let asOf = ["--as-of", Shop.asOf]
        for (arguments, settings) in [
            (["doctor", "--events", attack], [:]), (["train", "--events", attack] + asOf, [:]),
            (["precompute", "--again", "--items", attack] + asOf, [:]),
            (["precompute", "--again", "--exclusions", attack] + asOf, [:]),
            (["precompute", "--again", "--clusters", "semantic"] + asOf, ["NEARLINE_EMBEDDING": attack]),
            (["import", "events.csv", "--column", "user_id=\(attack)"], [:]), (["lookup", attack], [:]),
            (["lookup", "--clusters", attack], [:]), (["lookup", "--after-items", attack], [:]),
            (["forget", attack], [:]),
            (["train", "--as-of", attack], [:]), (["prune", "--min-age", attack], [:]),
        ] as [([String], [String: String])] {
            let ended = try shop.commands.run(arguments, with: settings)
            #expect([64, 65, 66, 78].contains(ended.code), "\(arguments): \(ended.code) \(ended.errors)")
        }
        // A schema may have any name, so this one is made; a history that cannot be read is left away.
        for arguments in [
            ["import", "events.csv", "items.csv", "--into", attack], ["lookup", "1", "--history", "--events", attack],
        ] {
            let ended = try shop.commands.run(arguments)
            #expect([0, 64, 65, 78].contains(ended.code), "\(arguments): \(ended.errors)")
        }
        #expect(try shop.text("SELECT to_regclass('public.prey')::text AS text") == "prey")
        #expect(try shop.currentRelease() == 1)
    }
}
