import Foundation
import Testing

/// What the executable says about itself, and about what it was called with; none of it needs a database.
@Suite struct HelpTests {
    private static let subcommands = [
        "doctor", "migrate", "import", "train", "evaluate", "precompute", "backfill", "work", "refresh",
        "interests", "publish",
        "lookup", "runs",
        "status", "forget", "config", "simulate",
    ]
    private let commands = Commands(folder: FileManager.default.temporaryDirectory.path, ["PGHOST": "/nowhere"])

    @Test(arguments: subcommands) func helpOfEverySubcommandHasAnExample(_ name: String) throws {
        let ended = try commands.run([name, "--help"])
        #expect(ended.code == 0)
        #expect(ended.output.contains("Example: "), "\(ended.output)")
        #expect(ended.errors.isEmpty)
    }

    @Test func helpListsEverySubcommand() throws {
        let help = try commands.run(["--help"])
        #expect(help.code == 0)
        let listed = help.output.split(separator: "\n").drop { !$0.hasPrefix("SUBCOMMANDS") }
            .compactMap { $0.hasPrefix("  ") ? $0.split(separator: " ").first.map(String.init) : nil }
        #expect(Set(HelpTests.subcommands).isSubset(of: Set(listed)), "\(listed)")
    }

    @Test(arguments: subcommands) func unknownFlagIsAUsageError(_ name: String) throws {
        // What is missing is said before what is unknown.
        let needed = [
            "import": ["a.csv"], "lookup": ["1"], "simulate": ["a"], "evaluate": ["--as-of", "2026-01-01"],
            "forget": ["1"], "work": ["--run", "1"], "backfill": ["--users", "-"],
        ]
        let ended = try commands.run([name] + needed[name, default: []] + ["--no-such-flag"])
        #expect(ended.code == 64)
        #expect(ended.errors.contains("--no-such-flag"), "\(ended.errors)")
        #expect(ended.output.isEmpty)
    }

    @Test(arguments: [
        ["nosuchcommand"], ["lookup"], ["import"], ["runs", "--count", "0"], ["lookup", "1", "--count", "0"],
        ["publish", "first"],
    ]) func missingOrUselessArgumentIsAUsageError(_ arguments: [String]) throws {
        let ended = try commands.run(arguments)
        #expect(ended.code == 64, "\(ended.errors)")
        #expect(ended.output.isEmpty)
    }

    @Test(arguments: [
        ("user", "is not of the form COLUMN=NAME"), ("customer=user_id", "is no column of an import"),
    ]) func uselessColumnMappingIsAUsageErrorThatNamesIt(_ mapping: String, _ complaint: String) throws {
        let ended = try commands.run(["import", "events.csv", "--column", mapping, "--dry-run"])
        #expect(ended.code == 64)
        #expect(ended.errors.contains(complaint) && ended.errors.contains(mapping.prefix { $0 != "=" }))
    }
}
