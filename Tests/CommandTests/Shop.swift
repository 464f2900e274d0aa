import Foundation
import Postgres
import TestSupport
import Testing

/// A database and a folder of one test's own, with a small shop in them; both go when the test lets go.
final class Shop {
    let folder: String
    let database: String
    /// To the shop's database.
    let connection: Connection
    let commands: Commands
    private let server: Connection
    /// True where somebody else removes what this made.
    var isKept = false

    /// The newest event of the simulated shop lies before it, and some of its events after the eve.
    static let asOf = "2026-01-01T00:00:00Z"
    static let candidates = 20

    /// Small enough that training is a matter of milliseconds.
    private static let settings = [
        "NEARLINE_EPOCHS": "2", "NEARLINE_WIDTH": "16", "NEARLINE_HEADS": "2", "NEARLINE_NEGATIVES": "64",
        "NEARLINE_CANDIDATES": "\(candidates)", "NEARLINE_THREADS": "1",
    ]

    /// An empty database.
    convenience init() throws { try self.init(copying: nil) }

    /// A migrated database with a simulated shop of 60 users, or another number, and 120 items.
    static func imported(users: Int = 60) throws -> Shop {
        let shop = try Shop()
        try shop.succeed("migrate")
        try shop.simulate(users: users)
        try shop.succeed("import", "events.csv", "items.csv")
        return shop
    }

    /// The same with a model and a release that is served.
    static func published() throws -> Shop { try Shop(copying: ShopTemplate.published.get()) }

    /// The same with three releases that were served, one that waits, and snapshot files.
    static func withHistory() throws -> Shop { try Shop(copying: ShopTemplate.withHistory.get()) }

    /// - Parameter template: where files and database come from; nil begins with nothing.
    private init(copying template: ShopTemplate?) throws {
        try TestDatabase.requireCluster()
        let mark = String(UInt64.random(in: .min ... .max), radix: 36)
        database = "nearline_test_\(mark)"
        folder = FileManager.default.temporaryDirectory.path + "/nearline-command-\(mark)"
        server = try Connection(applicationName: "nearline-tests")
        if let template {
            try FileManager.default.copyItem(atPath: template.folder, toPath: folder)
        } else {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        }
        try server.execute(
            "CREATE DATABASE \(database) TEMPLATE \(template?.database ?? "template1")",
            doing: "creating the test's database")
        connection = try Connection("dbname=\(database)", applicationName: "nearline-tests")
        let own = ["PGDATABASE": database, "NEARLINE_MODELS": "\(folder)/models"]
        commands = Commands(folder: folder, Shop.settings.merging(own) { $1 })
        if let template {
            try execute("UPDATE nearline.model SET file = replace(file, '\(template.folder)', '\(folder)')")
        }
    }

    deinit {
        guard !isKept else { return }
        ShopTemplate(database: database, folder: folder).remove(through: server)
    }

    func simulate(users: Int = 60) throws {
        try succeed(
            "simulate", folder, "--users", "\(users)", "--items", "120", "--categories", "6", "--sellers", "5",
            "--days", "20"
        )
    }

    /// Runs a command that has to succeed, and returns its answer.
    @discardableResult
    func succeed(
        _ arguments: String..., with settings: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let ended = try commands.run(arguments, with: settings)
        try #require(ended.code == 0, "\(arguments): \(ended.errors)", sourceLocation: location)
        return ended.output
    }

    /// Runs a command that has to fail with this code and these words, and to leave what is served as it was.
    @discardableResult
    func refuse(
        _ arguments: String..., code: Int32, saying words: [String], with settings: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) throws -> Ended {
        let before = try served()
        let ended = try commands.run(arguments, with: settings)
        #expect(ended.code == code, "\(arguments): \(ended.errors)", sourceLocation: location)
        for word in words {
            #expect(ended.errors.contains(word), "'\(word)' is not in: \(ended.errors)", sourceLocation: location)
        }
        #expect(ended.output.isEmpty, "standard output is for answers", sourceLocation: location)
        #expect(try served() == before, "what is served has changed", sourceLocation: location)
        return ended
    }

    /// What readers see: the bytes that `lookup` answers for some user, and everything that the current release holds.
    func served() throws -> String {
        let user = try text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        let answer = try commands.run(["lookup", user, "--count", "\(Shop.candidates)", "--json"])
        let release = try currentRelease()
        // All but what changes while one looks.
        let output = answer.output.replacing(#/"age_seconds":[0-9.]+,/#, with: "")
        return try "\(release): \(payloads(ofRelease: release)) \(answer.code) \(output)"
    }
}
