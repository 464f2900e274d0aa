import Foundation
import Ledger
import Postgres
import ResultTables
import Tensors

/// `nearline doctor`: is everything there that the other commands need? Looks at all of it, changes nothing.
package struct CheckHealth {
    package init() {}

    private struct Check: Encodable {
        var check: String
        var isFine: Bool
        var finding: String
        /// What would make it faster.
        var advice: String?
    }

    /// The first failure, so that the exit code says what is wrong.
    package private(set) var failure: (any Error)?

    package mutating func run(_ context: RunContext) throws -> Answer {
        var checks: [Check] = []
        var worst: (any Error)?
        func advise(_ advice: String?) { if let advice { checks[checks.count - 1].advice = advice } }
        func look(_ name: String, _ body: () throws -> String) {
            do {
                checks.append(Check(check: name, isFine: true, finding: try body()))
            } catch {
                checks.append(Check(check: name, isFine: false, finding: "\(error)"))
                worst = worst ?? error
            }
        }
        look("processor") { "\(context.threads) threads, BLAS core \(BLAS.coreName)" }
        var connection: Connection?
        look("database") {
            connection = try context.connect()
            let row = try connection!.execute(
                """
                SELECT current_database()::text AS name, current_user::text AS role,
                    current_setting('server_version') AS version
                """, doing: "asking the server who it is")[0]
            guard connection!.serverVersion >= 140_000 else {
                throw SettingsError.inconsistent(
                    "PostgreSQL \(try row.string("version")) is too old; 14 or newer is needed")
            }
            return try "PostgreSQL \(row.string("version")), database \(row.string("name")), role \(row.string("role"))"
        }
        if let connection {
            look("schema") {
                try Migrator(connection).requireCurrent()
                return "current"
            }
            look("source") { try describeSource(context, connection) }
            advise(try? adviseIndex(context, connection))
            look("models") { try describeModel(connection) }
            look("release") {
                try describeRelease(connection)
            }
        }
        look("model folder") { try describeFolder(context.settings.text("models")) }
        failure = worst
        let rows = checks.flatMap { check in
            [[check.isFine ? "ok" : "FAILS", check.check, check.finding]]
                + (check.advice.map { [["advice", check.check, $0]] } ?? [])
        }
        return Answer(table(["", "check", "finding"], rows), checks)
    }

    private func describeSource(_ context: RunContext, _ connection: Connection) throws -> String {
        let source = try context.source(on: connection)
        let newest = try source.newestEvent(on: connection) ?? "none"
        let extras = [source.hasSession ? "session ids" : nil, source.hasScene ? "scenes" : nil].compactMap { $0 }
        return "\(source.names.events): users \(source.userType.rawValue), items \(source.itemType.rawValue)"
            + (extras.isEmpty ? "" : ", " + extras.joined(separator: ", "))
            + "; items \(source.names.items ?? "none"), exclusions \(source.names.exclusions ?? "none"); newest event \(newest)"
    }

    private func adviseIndex(_ context: RunContext, _ connection: Connection) throws -> String? {
        guard let advice = try context.source(on: connection).indexAdvice(now: context.now, on: connection) else {
            return nil
        }
        return
            "every shard would read all events, and sort them (about \(advice.sortedEvents)); run: \(advice.statement)"
    }

    private func describeRelease(_ connection: Connection) throws -> String {
        let catalogue = ReleaseCatalogue(connection)
        guard let release = try catalogue.current() else { throw ReleaseError.noRelease }
        try catalogue.requireLists(of: release)
        return "release \(release.release), \(release.users) users, events \(ageText(release.ageSeconds))"
            + (release.isUnlogged ? ", unlogged: a crash of the server would empty it" : "")
    }

    private func describeModel(_ connection: Connection) throws -> String {
        guard let model = try ModelRegistry(connection).newest(notAfter: nil) else { throw JobError.noModel(asOf: nil) }
        guard FileManager.default.fileExists(atPath: model.file) else {
            throw SettingsError.inconsistent(
                "the file of model \(model.model) is missing: \(model.file); train it again")
        }
        return "\(model.model), trained to \(model.asOf)"
    }

    /// The folder, or, where it is still to be made, the nearest one above it.
    private func describeFolder(_ path: String) throws -> String {
        var folder = URL(fileURLWithPath: path)
        while !FileManager.default.fileExists(atPath: folder.path), folder.path != "/" {
            folder.deleteLastPathComponent()
        }
        let facts = try FileManager.default.attributesOfFileSystem(forPath: folder.path)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue,
            FileManager.default.isWritableFile(atPath: folder.path)
        else {
            throw SettingsError.inconsistent(
                "\(path): \(folder.path) is no folder that can be written; set --models to a folder that can")
        }
        return "\(path), \(sizeText((facts[.systemFreeSize] as? NSNumber)?.intValue ?? 0)) free"
    }
}
