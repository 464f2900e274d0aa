import Domain
import Foundation
import Model
import Safetensors
import Testing

@Suite struct ModelArtifactTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "nearline-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func path(_ name: String) -> String { folder + "/" + name }

    private static func key(_ type: IDType, _ number: Int) -> ExternalID {
        switch type {
        case .int: .integer(Int64(Int32.min) + Int64(number))
        case .bigint: .integer(.max - Int64(number))
        case .uuid: .uuid(UUIDKey(high: UInt64(number) &* 0x9e37_79b9_7f4a_7c15, low: ~UInt64(number)))
        case .text: .text(["e\u{301}", "\u{e9}", "it's \"odd\"\n", " "][number % 4] + "\(number / 4)")
        }
    }

    private static func artifact(_ type: IDType = .text, facts: [String: String] = ["as_of": "2025-01-01"])
        -> ModelArtifact
    {
        let settings = ModelSettings(items: 9, categories: 3, sellers: 2, scenes: 3, width: 8, heads: 2, blocks: 2)
        let vocabulary = Vocabulary(
            itemType: type, items: (0..<9).map { key(type, $0) }, category: (0..<9).map { $0 % 3 },
            seller: (0..<9).map { $0 % 2 }, categories: ["", "\u{301}tea, green", "cups\r\n"], sellers: ["", "s"],
            scenes: ["", "home", "é"])
        return ModelArtifact(
            parameters: ModelParameters(settings, seed: 3), vocabulary: vocabulary, facts: facts)
    }

    private func numbers(_ artifact: ModelArtifact) -> [[Float]] {
        artifact.parameters.named.map {
            Array(UnsafeBufferPointer(start: $0.start, count: $0.shape.reduce(1, *)))
        }
    }

    private func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    @Test(arguments: IDType.allCases)
    func whatWasWrittenComesBack(_ type: IDType) throws {
        let artifact = Self.artifact(type)
        try artifact.file.write(to: path("m"))
        let back = try ModelArtifact(path: path("m"))
        #expect(back.parameters.settings == artifact.parameters.settings)
        #expect(numbers(back) == numbers(artifact))
        #expect(back.facts == artifact.facts)
        #expect(back.vocabulary.itemType == type)
        func keyBytes(_ vocabulary: Vocabulary) -> [[UInt8]] {
            vocabulary.items.map {
                var bytes: [UInt8] = []
                $0.appendBinary(to: &bytes, type: type)
                return bytes
            }
        }
        #expect(keyBytes(back.vocabulary) == keyBytes(artifact.vocabulary))
        #expect(
            back.vocabulary.category == artifact.vocabulary.category
                && back.vocabulary.seller == artifact.vocabulary.seller)
        #expect(
            back.vocabulary.categories.map { Array($0.utf8) } == artifact.vocabulary.categories.map { Array($0.utf8) })
        #expect(
            back.vocabulary.sellers == artifact.vocabulary.sellers
                && back.vocabulary.scenes == artifact.vocabulary.scenes)
        #expect(back.vocabulary.hash == artifact.vocabulary.hash)
    }

    @Test func theSameContentIsTheSameBytes() throws {
        let facts = Dictionary(uniqueKeysWithValues: (0..<50).map { ("fact \($0)", "\($0)") })
        try Self.artifact(facts: facts).file.write(to: path("a"))
        try Self.artifact(facts: Dictionary(uniqueKeysWithValues: facts.reversed())).file.write(to: path("b"))
        #expect(try bytes("a") == bytes("b"))
        try ModelArtifact(path: path("a")).file.write(to: path("c"))
        #expect(try bytes("a") == bytes("c"))
    }

    @Test func theHashNamesItemsTheirOrderAndTheirSideInformation() {
        let base = Self.artifact().vocabulary
        func changed(
            items: [ExternalID]? = nil, category: [Int32]? = nil, categories: [String]? = nil, scenes: [String]? = nil
        ) -> String {
            Vocabulary(
                itemType: .text, items: items ?? base.items, category: category ?? base.category, seller: base.seller,
                categories: categories ?? base.categories, sellers: base.sellers, scenes: scenes ?? base.scenes
            ).hash
        }
        #expect(changed() == base.hash)
        #expect(changed(items: base.items.reversed()) != base.hash)
        #expect(changed(category: base.category.reversed()) != base.hash)
        #expect(changed(categories: ["", "tea", "cups"]) != base.hash)
        #expect(changed(scenes: ["", "é", "home"]) != base.hash)
        #expect(Self.artifact(.int).vocabulary.hash != Self.artifact(.bigint).vocabulary.hash)
    }

    @Test func aSafetensorsFileOfAnotherKindIsRefused() throws {
        try SafetensorsFile(metadata: [:]).write(to: path("m"))
        #expect(throws: SafetensorsError.self) { try ModelArtifact(path: path("m")) }
        var file = try Self.artifact().file
        file.metadata["format"] = "nearline-model-2"
        try file.write(to: path("m"))
        let error = #expect(throws: SafetensorsError.self) { try ModelArtifact(path: path("m")) }
        #expect("\(try #require(error))".contains("nearline-model-2"))
    }

    @Test(arguments: ["vocabulary.items", "vocabulary.categories", "param.item", "param.block1_time"])
    func aFileWithoutOneOfItsTensorsIsRefused(_ name: String) throws {
        var file = try Self.artifact().file
        #expect(file.tensors.removeValue(forKey: name) != nil)
        try file.write(to: path("m"))
        #expect(throws: SafetensorsError.self) { try ModelArtifact(path: path("m")) }
    }

    @Test(arguments: [Float.nan, .infinity])
    func aNumberThatIsNotFiniteIsRefused(_ number: Float) throws {
        let artifact = Self.artifact()
        artifact.parameters.dense.pointer[5] = number
        try artifact.file.write(to: path("m"))
        #expect(throws: SafetensorsError.self) { try ModelArtifact(path: path("m")) }
    }

    @Test func aVocabularyThatIsNotTheOneOfTheHashIsRefused() throws {
        var file = try Self.artifact().file
        file.metadata["vocabulary_hash"] = Self.artifact(.int).vocabulary.hash
        try file.write(to: path("m"))
        let error = #expect(throws: SafetensorsError.self) { try ModelArtifact(path: path("m")) }
        #expect("\(try #require(error))".contains("does not match the hash"))
    }

    @Test func aFileCutShortAnywhereIsRefused() throws {
        try Self.artifact().file.write(to: path("m"))
        let whole = try bytes("m")
        for length in stride(from: 0, to: whole.count, by: 97) {
            try Data(whole[..<length]).write(to: URL(fileURLWithPath: path("short")))
            #expect(throws: SafetensorsError.self, "\(length) of \(whole.count)") {
                try ModelArtifact(path: path("short"))
            }
        }
    }

    /// A flipped bit in a weight makes other lists, and nobody would know why.
    @Test func aFileWithOneFlippedBitIsRefusedOrMeansTheSame() throws {
        let artifact = Self.artifact(facts: [:])
        try artifact.file.write(to: path("m"))
        let whole = try bytes("m"), expected = numbers(artifact)
        var draw = SeededGenerator(seed: 12), taken = 0
        for _ in 0..<1500 {
            var damaged = whole
            let place = draw.below(whole.count)
            damaged[place] ^= 1 << UInt8(draw.below(8))
            try Data(damaged).write(to: URL(fileURLWithPath: path("flipped")))
            do {
                let found = try ModelArtifact(path: path("flipped"))
                let isSame =
                    numbers(found) == expected && found.parameters.settings == artifact.parameters.settings
                    && found.vocabulary.hash == artifact.vocabulary.hash
                if !isSame { taken += 1 }
            } catch {
                #expect(error is SafetensorsError)
            }
        }
        #expect(taken == 0, "of 1500 damaged files, so many were taken for whole")
    }
}
