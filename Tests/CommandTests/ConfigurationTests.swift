import Foundation
import Testing

/// Flags over environment over file over defaults, and what is refused in each of them.
@Suite final class ConfigurationTests {
    private let folder: String
    private let commands: Commands

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/nearline-config-\(UInt64.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        commands = Commands(folder: folder, ["PGHOST": "\(folder)/no-server"])
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func write(_ yaml: String, to name: String = "nearline.yaml") throws {
        try Data(yaml.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    private func refuse(
        _ arguments: [String], saying words: [String], with settings: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let ended = try commands.run(arguments, with: settings)
        #expect(ended.code == 78, "\(ended.errors)", sourceLocation: location)
        for word in words { #expect(ended.errors.contains(word), "\(ended.errors)", sourceLocation: location) }
        #expect(ended.output.isEmpty, sourceLocation: location)
    }

    private func value(_ name: String, _ arguments: [String] = [], with: [String: String] = [:]) throws -> [String] {
        let ended = try commands.run(["config", "--json"] + arguments, with: with)
        let all = try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [[String: String]] ?? []
        return all.filter { $0["name"] == name }.flatMap { [$0["value"] ?? "", $0["origin"] ?? ""] }
    }

    @Test func flagWinsOverEnvironmentOverFileOverDefault() throws {
        #expect(try value("tokens") == ["512", "default"])
        try write("tokens: 300\n")
        #expect(try value("tokens") == ["300", "file nearline.yaml"])
        let environment = ["NEARLINE_TOKENS": "400"]
        #expect(try value("tokens", with: environment) == ["400", "environment"])
        #expect(try value("tokens", ["--tokens", "500"], with: environment) == ["500", "flag"])
    }

    @Test func namedFileWinsOverTheOneThatLiesThere() throws {
        try write("tokens: 300\n")
        try write("tokens: 301\n", to: "other.yaml")
        try write("tokens: 302\n", to: "third.yaml")
        #expect(try value("tokens", with: ["NEARLINE_CONFIG": "other.yaml"])[0] == "301")
        #expect(try value("tokens", ["--config", "third.yaml"], with: ["NEARLINE_CONFIG": "other.yaml"])[0] == "302")
    }

    @Test func unknownSettingInTheFileIsRefusedWithTheNearestName() throws {
        try write("epocs: 3\n")
        try refuse(["config"], saying: ["'epocs'", "nearline.yaml", "did you mean 'epochs'?"])
    }

    @Test func badValueInTheFileIsRefusedWithItsPlace() throws {
        try write("epochs: many\n")
        try refuse(["config"], saying: ["epochs 'many'", "nearline.yaml", "no whole number"])
        try write("dropout: 1.5\n")
        try refuse(["config"], saying: ["dropout '1.5'", "outside 0.0...0.9"])
    }

    @Test(arguments: ["a: [1, 2]", "- epochs", "train:\n  epochs: 3", "epochs: \"3", "epochs: 3\nepochs: 4"])
    func fileThatIsNoListOfSettingsIsRefused(_ yaml: String) throws {
        try write(yaml)
        try refuse(["config"], saying: ["nearline.yaml"])
    }

    @Test func missingFileIsRefused() throws {
        try refuse(["config", "--config", "nowhere.yaml"], saying: ["nowhere.yaml"])
    }

    @Test func emptyFileSetsNothing() throws {
        try write("# nothing yet\n")
        #expect(try value("tokens") == ["512", "default"])
    }

    @Test func unknownVariableIsRefusedWithTheNearestName() throws {
        try refuse(
            ["config"], saying: ["'NEARLINE_EPOCS'", "did you mean 'NEARLINE_EPOCHS'?"], with: ["NEARLINE_EPOCS": "3"])
    }

    @Test(arguments: [
        (["--epochs", "0"], "outside 1...10000"), (["--epochs", "3.5"], "no whole number"),
        (["--width", "20", "--heads", "3"], "width 20"),
        (["--tokens", "64", "--session-items", "64"], "session-items"),
    ]) func valueOutsideItsRangeIsRefused(_ flags: [String], _ complaint: String) throws {
        try refuse(["train"] + flags, saying: [complaint])
    }

    @Test(arguments: ["migrate", "doctor", "lookup", "config"])
    func passwordInTheConnectionStringIsRefusedAndNeverShown(_ command: String) throws {
        for conninfo in ["host=nowhere password=sesame", "postgres://me:sesame@nowhere/shop"] {
            for (flags, environment) in [(["--database", conninfo], [:]), ([], ["NEARLINE_DATABASE": conninfo])] {
                let arguments = [command] + (command == "lookup" ? ["1"] : []) + flags
                let ended = try commands.run(arguments, with: environment)
                #expect(!(ended.output + ended.errors).contains("sesame"), "\(arguments) shows the password")
                #expect(ended.code == 78, "\(arguments): \(ended.errors)")
                #expect((ended.output + ended.errors).contains("PGPASSWORD"))
            }
        }
    }
}
