import Clusters
import Domain
import Foundation
import Safetensors
import Testing

@Suite struct CodebookFileTests {
    private let items = PlantedItems(400, width: 6, weights: [3, 1, 1, 1], spread: 0.5, seed: 20)
    private let codebook: SemanticCodebook

    init() throws { codebook = try items.fit(SemanticSettings(firstSize: 6)).codebook }

    @Test func whatWasWrittenComesBackAndNamesTheSameClusters() throws {
        let path = NSTemporaryDirectory() + "nearline-codebook-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try codebook.write(to: path)
        let back = try SemanticCodebook(path: path)
        #expect(back == codebook && back.hash == codebook.hash)
        #expect(items.assigned(by: back) == items.assigned(by: codebook))
        #expect(try back.bytes() == codebook.bytes())
        #expect(try SemanticCodebook(bytes: codebook.bytes()) == codebook)
    }

    @Test func anyDamagedByteIsRefused() throws {
        let bytes = try codebook.bytes()
        var draw = SeededGenerator(seed: 21)
        for _ in 0..<300 {
            var damaged = bytes
            damaged[draw.below(bytes.count)] ^= UInt8(1 << draw.below(8))
            do {
                // Only where JSON may be written in two ways, such as a space for a tab, does a flip say the same.
                #expect(try SemanticCodebook(bytes: damaged) == codebook)
            } catch {
                #expect("\(error)".contains("the stored codebook"))
            }
        }
    }

    @Test(arguments: [0, 7, 8, 100, 500]) func aCutFileIsRefused(_ kept: Int) throws {
        let bytes = try codebook.bytes()
        #expect(throws: SafetensorsError.self) { try SemanticCodebook(bytes: Array(bytes.prefix(kept))) }
        #expect(throws: SafetensorsError.self) { try SemanticCodebook(bytes: Array(bytes.dropLast())) }
    }

    @Test func anotherKindOfFileIsRefusedByName() {
        let file = SafetensorsFile(metadata: ["format": "nearline-model-1"])
        #expect(
            throws: SafetensorsError.damaged(path: "x", reason: "format is nearline-model-1, not nearline-clusters-1")
        ) { try SemanticCodebook(file, path: "x") }
        #expect(throws: SafetensorsError.missing(path: "/nowhere")) { try SemanticCodebook(path: "/nowhere") }
    }
}
