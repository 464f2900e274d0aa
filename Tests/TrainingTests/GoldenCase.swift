import Domain
import Foundation
import Model
import Safetensors
import Testing

/// A golden case of the reference: parameters, users, and what PyTorch makes of them (`tbgrecall.py`, float64).
struct GoldenCase {
    let file: SafetensorsFile
    let parameters: ModelParameters
    let histories: [TokenHistory]
    let category: [Int32]
    let seller: [Int32]
    let negatives: [Int32]

    init() throws {
        let path = try #require(
            Bundle.module.url(forResource: "next-session", withExtension: "safetensors", subdirectory: "Golden")
        ).path
        let file = try SafetensorsFile(path: path)
        self.file = file
        let config = try #require(file.metadata["config"]?.data(using: .utf8))
        parameters = ModelParameters(try JSONDecoder().decode(ModelSettings.self, from: config))
        try parameters.read(file, prefix: "param.", path: path)
        category = try file.tensor("catalogue.category", path: path).array(of: Int32.self)
        seller = try file.tensor("catalogue.seller", path: path).array(of: Int32.self)
        negatives = try file.tensor("negatives", path: path).array(of: Int32.self)
        let count = try #require(file.metadata["users"].flatMap { Int($0) })
        histories = try (0..<count).map { user in
            func ints(_ name: String) throws -> [Int32] {
                try #require(file.tensors["user\(user).\(name)"]).array(of: Int32.self)
            }
            let kind = try ints("kind"), session = try ints("session"), item = try ints("item")
            let action = try ints("action"), scene = try ints("scene")
            let time = try #require(file.tensors["user\(user).time"]).array(of: Int64.self)
            var history = TokenHistory()
            for s in scene.indices {
                let tokens = kind.indices.filter { session[$0] == s && kind[$0] == 1 }
                history.append(
                    startsAt: time[s], scene: scene[s], items: tokens.map { (row: item[$0], action: UInt8(action[$0])) }
                )
            }
            return history
        }
    }

    func floats(_ name: String) throws -> [Float] { try #require(file.tensors[name]).array(of: Float.self) }
}

/// The largest difference, as a share of the largest number that was wanted.
func relativeError(_ found: [Float], _ wanted: [Float]) -> Float {
    guard found.count == wanted.count else { return .infinity }
    let scale = wanted.map(abs).max() ?? 0
    let worst = zip(found, wanted).map { abs($0 - $1) }.max() ?? 0
    return scale > 0 ? worst / scale : worst
}
