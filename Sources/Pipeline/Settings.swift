import Foundation
import Interests
import Postgres
import Yams

/// Why the configuration cannot be used.
package enum SettingsError: Error, Equatable, CustomStringConvertible {
    case badValue(name: String, value: String, origin: String, complaint: String)
    case unknownName(name: String, origin: String, nearest: String?)
    case unreadableFile(path: String, reason: String)
    case passwordInConnection
    case inconsistent(String)

    package var description: String {
        switch self {
        case .badValue(let name, let value, let origin, let complaint):
            "\(name) '\(value)' (from \(origin)) \(complaint)"
        case .unknownName(let name, let origin, let nearest):
            "there is no setting '\(name)' (in \(origin))" + (nearest.map { "; did you mean '\($0)'?" } ?? "")
                + "; nearline config lists them"
        case .unreadableFile(let path, let reason): "cannot read the configuration file \(path): \(reason)"
        case .passwordInConnection:
            "the connection string holds a password, which ps and logs would show; "
                + "put it into ~/.pgpass or PGPASSWORD instead"
        case .inconsistent(let text): text
        }
    }
}

/// The effective configuration: flags over `NEARLINE_*` environment over one YAML file over defaults.
package struct Settings: Sendable {
    package struct Value: Sendable {
        package let setting: Setting
        package let text: String
        /// "flag", "environment", "file PATH" or "default".
        package let origin: String
    }

    package let values: [Value]

    /// Environment names that are not settings but mean something to the executable, to its jobs or to its tests.
    private static let otherNames: Set<String> = [
        "NEARLINE_CONFIG", "NEARLINE_BIN", "NEARLINE_CPU_LEVEL", "NEARLINE_TRAIN_EVERY", "NEARLINE_INCREMENTS",
        "NEARLINE_MODEL_AGE",
        "NEARLINE_BACKFILL_RATE",
        ChatEndpoint.keyVariable,
    ]

    /// - Parameters:
    ///   - flags: by setting name, as given on the command line.
    ///   - file: a YAML file; nil takes `NEARLINE_CONFIG`, else `nearline.yaml` where it exists.
    package init(flags: [String: String], environment: [String: String], file: String?) throws {
        let path =
            file ?? environment["NEARLINE_CONFIG"]
            ?? (FileManager.default.fileExists(atPath: "nearline.yaml") ? "nearline.yaml" : nil)
        let fromFile = try path.map(Settings.read) ?? [:]
        for name in environment.keys.sorted() where name.hasPrefix("NEARLINE_") && !Settings.otherNames.contains(name) {
            guard Setting.all.contains(where: { $0.environmentName == name }) else {
                throw SettingsError.unknownName(
                    name: name, origin: "the environment",
                    nearest: Settings.nearest(name, among: Setting.all.map(\.environmentName)))
            }
        }
        values = try Setting.all.map { setting in
            let value =
                flags[setting.name].map { Value(setting: setting, text: $0, origin: "flag") }
                ?? environment[setting.environmentName].map { Value(setting: setting, text: $0, origin: "environment") }
                ?? fromFile[setting.name].map { Value(setting: setting, text: $0, origin: "file \(path!)") }
                ?? Value(setting: setting, text: setting.standard, origin: "default")
            if let complaint = setting.complaint(about: value.text) {
                throw SettingsError.badValue(
                    name: setting.name, value: value.text, origin: value.origin, complaint: complaint)
            }
            return value
        }
        try checkTogether()
    }

    /// The same with some values that somebody else has decided.
    package func taking(_ decided: [String: String], from origin: String) throws -> Settings {
        try Settings(
            values.map { value in
                decided[value.setting.name].map { Value(setting: value.setting, text: $0, origin: origin) } ?? value
            })
    }

    private init(_ values: [Value]) throws {
        self.values = values
        try checkTogether()
    }

    private func checkTogether() throws {
        guard !Connection.passwordIn(text("database")) else { throw SettingsError.passwordInConnection }
        guard int("width") % (2 * int("heads")) == 0 else {
            throw SettingsError.inconsistent(
                "width \(int("width")) is no multiple of twice the heads (\(int("heads"))); choose another width or heads"
            )
        }
        guard int("tokens") > int("session-items") else {
            throw SettingsError.inconsistent(
                "tokens (\(int("tokens"))) must be more than session-items (\(int("session-items")))")
        }
        guard int("anchors") == 0 || int("horizons") == 1 else {
            throw SettingsError.inconsistent(
                "anchors (\(int("anchors"))) go with one horizon, and horizons is \(int("horizons")); set one of them back"
            )
        }
        guard int("lifelong-items") == 0 || int("tokens") > int("session-items") + int("lifelong-items") + 1 else {
            throw SettingsError.inconsistent(
                "tokens (\(int("tokens"))) must be more than session-items (\(int("session-items"))), lifelong-items "
                    + "(\(int("lifelong-items"))) and 1 together")
        }
    }

    package func text(_ name: String) -> String { values.first { $0.setting.name == name }!.text }
    package func int(_ name: String) -> Int { Int(text(name))! }
    package func real(_ name: String) -> Double { Double(text(name))! }
    package func isDefault(_ name: String) -> Bool { values.first { $0.setting.name == name }!.origin == "default" }

    /// Name and value of the settings that change results, as JSON with sorted keys.
    package func json(_ names: [String], with more: [String: String] = [:]) -> String {
        let object = Dictionary(uniqueKeysWithValues: names.map { ($0, text($0)) }).merging(more) { $1 }
        let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data ?? Data(), as: UTF8.self)
    }

    private static func read(_ path: String) throws -> [String: String] {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw SettingsError.unreadableFile(path: path, reason: "it is missing, or not text in UTF-8")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw SettingsError.unreadableFile(path: path, reason: "\(error)")
        }
        guard let node else { return [:] }
        guard let mapping = node.mapping else {
            throw SettingsError.unreadableFile(path: path, reason: "it is no list of 'name: value' lines")
        }
        var values: [String: String] = [:]
        for (key, value) in mapping {
            guard let name = key.scalar?.string, let text = value.scalar?.string else {
                throw SettingsError.unreadableFile(path: path, reason: "settings are 'name: value', not nested")
            }
            guard Setting.named(name) != nil else {
                throw SettingsError.unknownName(
                    name: name, origin: path, nearest: nearest(name, among: Setting.all.map(\.name)))
            }
            values[name] = text
        }
        return values
    }

    /// The known name with the fewest edits, where that is few enough to be a slip.
    private static func nearest(_ name: String, among known: [String]) -> String? {
        func edits(_ a: [Character], _ b: [Character]) -> Int {
            var row = Array(0...b.count)
            for i in 1...max(1, a.count) where i <= a.count {
                var diagonal = row[0]
                row[0] = i
                for j in 1...max(1, b.count) where j <= b.count {
                    (diagonal, row[j]) = (
                        row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1))
                    )
                }
            }
            return row[b.count]
        }
        let best = known.map { ($0, edits(Array(name), Array($0))) }.min { $0.1 < $1.1 }
        return best.flatMap { $0.1 <= 3 ? $0.0 : nil }
    }
}
