import Domain
import Foundation
import Testing

/// A model file that is damaged, missing or cannot be written.
@Suite struct ModelFileTests {
    /// - Returns: the path of a changed copy of the published model.
    private func damaged(_ shop: Shop, _ change: (inout Data) throws -> Void) throws -> String {
        var bytes = try shop.bytes(of: shop.modelFile())
        try change(&bytes)
        let path = "\(shop.folder)/damaged.safetensors"
        try bytes.write(to: URL(fileURLWithPath: path))
        return path
    }

    /// Where a tensor lies in the file.
    private func range(of tensor: String, in bytes: Data) throws -> Range<Int> {
        let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: Any]
        let entry = try #require(header?[tensor] as? [String: Any], "no tensor \(tensor)")
        let offsets = try #require(entry["data_offsets"] as? [Int])
        return 8 + length + offsets[0]..<8 + length + offsets[1]
    }

    @Test func truncatedModelIsRefusedWhereverItEnds() throws {
        let shop = try Shop.published()
        let size = try shop.bytes(of: shop.modelFile()).count
        for kept in [0, 7, 100, size / 2, size - 1] {
            let path = try damaged(shop) { $0 = $0.prefix(kept) }
            try shop.refuse(
                "precompute", "--as-of", Shop.asOf, "--again", "--model", path, code: 65,
                saying: ["damaged.safetensors is not a whole safetensors file", "train again"])
        }
    }

    @Test(arguments: ["vocabulary.items", "vocabulary.category", "vocabulary.categories"])
    func flippedByteInTheVocabularyIsFound(_ tensor: String) throws {
        let shop = try Shop.published()
        let path = try damaged(shop) { bytes in
            let range = try range(of: tensor, in: bytes)
            bytes[range.lowerBound] ^= 1
        }
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--again", "--model", path, code: 65,
            saying: ["damaged.safetensors is not a whole safetensors file", "train again"])
    }

    @Test func flippedByteInAParameterIsFound() throws {
        let shop = try Shop.published()
        let path = try damaged(shop) { bytes in
            let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            let header = try JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: Any] ?? [:]
            let name = try #require(header.keys.filter { $0.hasPrefix("param.") }.min())
            bytes[try range(of: name, in: bytes).lowerBound + 2] ^= 64
        }
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--again", "--model", path, code: 65, saying: ["damaged.safetensors"])
    }

    @Test func flippedByteAnywhereInTheHeaderIsRefusedAndNeverACrash() throws {
        let shop = try Shop.published()
        let whole = try shop.bytes(of: shop.modelFile())
        let length = whole.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        var draw = SeededGenerator(seed: 11)
        for _ in 0..<60 {
            let place = draw.below(8 + length), bit = UInt8(1) << draw.below(8)
            let path = try damaged(shop) { $0[place] ^= bit }
            let ended = try shop.commands.run(["precompute", "--as-of", Shop.asOf, "--dry-run", "--model", path])
            #expect([0, 65].contains(ended.code), "bit \(bit) of byte \(place): \(ended.code) \(ended.errors)")
        }
    }

    /// Settings that were edited by hand, or by a flip that leaves JSON: refused before they are believed.
    @Test(arguments: [
        ("heads", "0"), ("heads", "3"), ("width", "0"), ("width", "17"), ("width", "-16"), ("blocks", "0"),
        ("blocks", "-1"), ("horizons", "0"), ("items", "-120"), ("items", "9223372036854775807"),
        ("width", "4611686018427387904"), ("scenes", "0"),
    ]) func uselessSettingsInTheHeaderAreRefusedAndNeverACrash(_ name: String, _ value: String) throws {
        let shop = try Shop.published()
        let path = try damaged(shop) { bytes in
            let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            var header = String(decoding: bytes[8..<8 + length], as: UTF8.self)
            let found = try #require(
                header.firstRange(of: try Regex("\\\\\"\(name)\\\\\":[0-9]+")), "no setting \(name)")
            header.replaceSubrange(found, with: "\\\"\(name)\\\":\(value)")
            let size = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
            bytes = size + Data(header.utf8) + bytes.dropFirst(8 + length)
        }
        let ended = try shop.commands.run(["precompute", "--as-of", Shop.asOf, "--dry-run", "--model", path])
        #expect(ended.code == 65, "\(ended.errors)")
        #expect(ended.errors.contains("damaged.safetensors"), "\(ended.errors)")
    }

    @Test func modelFileThatIsGoneIsMissingInput() throws {
        let shop = try Shop.published()
        let path = try shop.modelFile()
        try FileManager.default.removeItem(atPath: path)
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--again", code: 66, saying: [path, "train a model first"])
        // And training it again is not refused as done already.
        #expect(try shop.succeed("train", "--as-of", Shop.asOf).contains("trained m"))
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        #expect(try shop.payloads(ofRelease: 2) == shop.payloads(ofRelease: 1))
    }

    /// Root may write anywhere, so what cannot be a folder at all stands in for one without permission.
    @Test func modelFolderThatCannotBeWrittenIsAFileFault() throws {
        let shop = try Shop.published()
        try shop.write("", to: "file")
        let models = "\(shop.folder)/file/models"
        try shop.refuse(
            "train", "--as-of", Shop.asOf, "--seed", "2", "--models", models, code: 74,
            saying: ["cannot write", models])
        #expect(try shop.number("SELECT count(*) FROM nearline.model") == 1)
        let doctor = try shop.commands.run(["doctor", "--models", models])
        #expect(
            [74, 77, 78].contains(doctor.code) && doctor.output.contains(models), "\(doctor.code): \(doctor.output)")
    }

    @Test func answerThatCannotBeExportedIsAFileFault() throws {
        let shop = try Shop.published()
        try shop.write("", to: "file")
        try shop.succeed("train", "--as-of", "2025-12-25")
        try shop.refuse(
            "evaluate", "--as-of", "2025-12-25", "--export", "file/lists.csv", code: 74, saying: ["file/lists.csv"])
    }

    @Test(.enabled(if: SmallDisk.isAllowed, "no file system may be mounted here"))
    func fullDiskIsAFileFaultThatLeavesNothingBehind() throws {
        let shop = try Shop.published()
        let disk = try SmallDisk(kilobytes: 64)
        try shop.refuse(
            "train", "--as-of", Shop.asOf, "--seed", "2", "--models", disk.folder, code: 74,
            saying: ["cannot write \(disk.folder)/m", "pace"])
        #expect(try shop.number("SELECT count(*) FROM nearline.model") == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.folder).isEmpty)
        #expect(try shop.text("SELECT state AS text FROM nearline.run ORDER BY run DESC LIMIT 1") == "failed")
    }
}

/// A file system of a few kilobytes in memory, for as long as it is held.
private final class SmallDisk {
    let folder: String

    static let isAllowed = (try? SmallDisk(kilobytes: 64)) != nil

    init(kilobytes: Int) throws {
        folder = FileManager.default.temporaryDirectory.path + "/nearline-disk-\(UInt64.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        guard mount("tmpfs", folder, "tmpfs", 0, "size=\(kilobytes)k") == 0 else {
            rmdir(folder)
            throw POSIXError(.EPERM)
        }
    }

    deinit {
        umount(folder)
        rmdir(folder)
    }
}
