import ArgumentParser
import Domain
import Foundation
import Model
import Tensors

/// Histories to query vectors.
struct EncodeFigures: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "encode")
    @OptionGroup var shape: Shape
    @Option(help: "Users.") var users = 2048

    func run() throws {
        let roof = Roof(threads: shape.threads)
        roof.describe(threads: shape.threads)
        let drawn = DrawnShop(shape), histories = (0..<users).map { drawn.history($0) }
        let requests = histories.map { _ in PackedBatch.Request(time: DrawnShop.now, scene: 0) }
        let encoder = UserEncoder(drawn.parameters, vectors: drawn.vectors, pool: WorkerPool(workers: shape.threads))
        let out = FloatBuffer()
        let seconds = middle(of: shape.runs) { encoder.encode(histories, requests: requests, into: out) }
        let settings = drawn.parameters.settings
        let looksUp = FrozenNetwork.looksUp(settings, items: settings.items)
        let flops = Self.flops(histories[0], settings, looksUp: looksUp) * Double(users)
        print(
            "encode   T=\(shape.tokens) D=\(shape.width) H=\(shape.heads) L=\(shape.blocks): "
                + "\(rounded(Double(users) / seconds, 1)) users/s, \(rounded(flops / seconds / 1e9, 1)) GFLOP/s, "
                + "\(rounded(100 * flops / seconds / roof.flops, 0))% of the roof")
    }

    /// What the arithmetic needs at least: products of all rows, but for the first block's projection where that is looked up,
    /// scores and sums of the keys that are seen, of the last block values and keys for all rows and the rest for the request.
    static func flops(_ history: TokenHistory, _ s: ModelSettings, looksUp: Bool) -> Double {
        let D = Double(s.width), rows = Double(history.tokens + 1)
        var before = 0, pairs = 0
        for session in history.sessions {
            pairs += (before + 1) * (Int(session.items) + 1) + Int(session.items)
            before += Int(session.items) + 1
        }
        let full = rows * D * 8 * D + Double(pairs + before) * 4 * D + rows * 2 * D * D
        let last = rows * D * 4 * D + 4 * D * D + Double(before) * 4 * D + 2 * D * D
        let lookedUp = looksUp ? rows * D * 8 * D : 0
        return Double(s.blocks - 1) * full + last + 2 * D * D - lookedUp
    }
}
