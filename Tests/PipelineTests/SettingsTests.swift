import Foundation
import Pipeline
import Testing

@Suite struct SettingsTests {
    /// Nothing set: an empty file keeps a `nearline.yaml` of the folder out.
    private func settings(
        flags: [String: String] = [:], environment: [String: String] = [:], yaml: String = ""
    ) throws -> Settings {
        try Settings(flags: flags, environment: environment, file: try write(yaml))
    }

    private func write(_ yaml: String) throws -> String {
        let path = NSTemporaryDirectory() + "nearline-test-\(UUID().uuidString).yaml"
        try yaml.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func error(
        flags: [String: String] = [:], environment: [String: String] = [:], yaml: String = ""
    ) throws -> SettingsError? {
        do {
            _ = try settings(flags: flags, environment: environment, yaml: yaml)
            return nil
        } catch {
            return try #require(error as? SettingsError)
        }
    }

    private func origin(_ settings: Settings, _ name: String) -> String {
        settings.values.first { $0.setting.name == name }!.origin
    }

    @Test func flagsWinOverTheEnvironmentOverTheFileOverDefaults() throws {
        let environment = ["NEARLINE_EPOCHS": "2", "NEARLINE_BLOCKS": "3"]
        let found = try settings(
            flags: ["epochs": "1"], environment: environment, yaml: "epochs: 3\nblocks: 4\ncandidates: 5\n")
        #expect(found.int("epochs") == 1 && origin(found, "epochs") == "flag")
        #expect(found.int("blocks") == 3 && origin(found, "blocks") == "environment")
        #expect(found.int("candidates") == 5 && origin(found, "candidates").hasPrefix("file /"))
        #expect(found.text("batch") == Setting.named("batch")?.standard && origin(found, "batch") == "default")
        #expect(found.isDefault("batch") && !found.isDefault("epochs"))
    }

    @Test func everyDefaultIsInItsRangeAndTheyFitTogether() throws {
        let found = try settings()
        #expect(found.values.map(\.setting.name) == Setting.all.map(\.name))
        #expect(found.values.allSatisfy { $0.origin == "default" })
    }

    @Test func theFileOfTheEnvironmentIsReadUnlessAFlagNamesAnother() throws {
        let one = try write("epochs: 11"), two = try write("epochs: 12")
        #expect(try Settings(flags: [:], environment: ["NEARLINE_CONFIG": one], file: nil).int("epochs") == 11)
        #expect(try Settings(flags: [:], environment: ["NEARLINE_CONFIG": one], file: two).int("epochs") == 12)
    }

    @Test func anUnknownNameInTheFileIsAnErrorThatNamesTheNearest() throws {
        guard case .unknownName(let name, _, let nearest) = try error(yaml: "epoch: 5") else {
            Issue.record("it was taken")
            return
        }
        #expect(name == "epoch" && nearest == "epochs")
    }

    @Test func anUnknownNameInTheEnvironmentIsAnErrorAndNamesOfOthersAreLeftAlone() throws {
        #expect(
            try error(environment: ["NEARLINE_EPOCH": "5"])
                == .unknownName(name: "NEARLINE_EPOCH", origin: "the environment", nearest: "NEARLINE_EPOCHS"))
        guard case .unknownName(_, _, nearest: nil) = try error(environment: ["NEARLINE_WHATEVER_THIS_IS": ""]) else {
            Issue.record("a name that is like none has no nearest")
            return
        }
        #expect(try error(environment: ["PATH": "/bin", "NEARLINER": "x", "NEARLINE_BIN": "x"]) == nil)
    }

    @Test(arguments: [
        ("width", "7"), ("width", "1025"), ("width", "x"), ("width", ""), ("width", "64.0"), ("gap-minutes", "0"),
        ("gap-minutes", "100001"), ("learning-rate", "0"), ("learning-rate", "1.1"), ("learning-rate", "nan"),
        ("learning-rate", "inf"), ("dropout", "-0.1"), ("dropout", "0.91"), ("seed", "-1"), ("candidates", "0"),
        ("candidates", "10001"), ("max-bad-rows", "-1"), ("threads", "1025"), ("tokens", "99999999999999999999"),
    ])
    func aValueOutsideItsRangeIsRefusedWhereverItCameFrom(_ name: String, _ value: String) throws {
        let variable = try #require(Setting.named(name)).environmentName
        let yaml = "\(name): '\(value)'"
        for error in try [error(flags: [name: value]), error(environment: [variable: value]), error(yaml: yaml)] {
            guard case .badValue(name, value, _, let complaint) = error else {
                Issue.record("\(name) '\(value)': \(String(describing: error))")
                continue
            }
            #expect(complaint.hasPrefix("is "))
        }
    }

    @Test(arguments: [
        ("gap-minutes", "1"), ("gap-minutes", "100000"), ("dropout", "0"), ("dropout", "0.9"), ("seed", "\(Int.max)"),
        ("candidates", "10000"), ("max-bad-rows", "0"), ("learning-rate", "1e-8"), ("threads", "1024"),
    ])
    func theEndsOfARangeAreInIt(_ name: String, _ value: String) throws {
        #expect(try settings(flags: [name: value]).text(name) == value)
    }

    @Test func settingsThatDoNotFitTogetherAreRefused() throws {
        guard case .inconsistent = try error(flags: ["width": "60", "heads": "8"]) else {
            Issue.record("a width that the heads do not divide was taken")
            return
        }
        #expect(try error(flags: ["width": "64", "heads": "8"]) == nil)
        guard case .inconsistent = try error(flags: ["tokens": "64", "session-items": "64"]) else {
            Issue.record("a session as long as the whole history was taken")
            return
        }
        #expect(try error(flags: ["tokens": "65", "session-items": "64"]) == nil)
        let room = ["tokens": "74", "session-items": "64", "lifelong-items": "8"]
        #expect(try error(flags: room) == nil)
        guard case .inconsistent = try error(flags: room.merging(["lifelong-items": "9"]) { $1 }) else {
            Issue.record("one session and what stands for the rest do not fit")
            return
        }
    }

    @Test(arguments: [
        "- a\n- b", "just words", "epochs:\n  more: 1", "epochs: [1]", "epochs: {", "\tepochs: 1",
        "epochs: 1\nepochs: 2",
    ])
    func aFileThatIsNoListOfSettingsIsRefused(_ yaml: String) throws {
        guard case .unreadableFile = try error(yaml: yaml) else {
            Issue.record("'\(yaml)' was taken")
            return
        }
    }

    @Test func aFileThatIsNotThereIsRefusedByName() {
        #expect(throws: SettingsError.self) {
            try Settings(flags: [:], environment: [:], file: "/nowhere/nearline.yaml")
        }
    }

    @Test func anEmptyFileAndCommentsSetNothing() throws {
        #expect(try error(yaml: "") == nil)
        #expect(try error(yaml: "# epochs: 5\n") == nil)
    }

    @Test func theJSONOfDecisiveSettingsIsSortedAndQuoted() throws {
        let found = try settings(flags: ["events": #"shop."Odd "" name""#])
        #expect(found.json(["tokens", "events"]) == #"{"events":"shop.\"Odd \"\" name\"","tokens":"512"}"#)
    }

    @Test func everyErrorSaysWhatToLookAt() throws {
        let errors: [SettingsError] = [
            .badValue(name: "width", value: "x", origin: "flag", complaint: "is no whole number"),
            .unknownName(name: "epoch", origin: "nearline.yaml", nearest: "epochs"),
            .unreadableFile(path: "/x", reason: "it is missing"), .passwordInConnection, .inconsistent("width"),
        ]
        #expect(errors.map { "\($0)" }.allSatisfy { !$0.isEmpty && !$0.contains("SettingsError") })
        #expect("\(errors[1])".contains("did you mean 'epochs'?"))
    }
}
