import ArgumentParser
import Domain
import Foundation
import Model
import Tensors
import Training

/// One step of training: batch, loss, gradients and update.
struct TrainFigures: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "train")
    @OptionGroup var shape: Shape
    @Option(help: "Users of a batch.") var users = 64
    @Option(help: "Negatives of a batch.") var negatives = 1024
    @Option(help: "Share of activations that is dropped.") var dropout: Float = 0

    func run() throws {
        let roof = Roof(threads: shape.threads)
        roof.describe(threads: shape.threads)
        let drawn = DrawnShop(shape), parameters = drawn.parameters, pool = WorkerPool(workers: shape.threads)
        let none = [Int32](repeating: 0, count: shape.items)
        let gradient = BatchGradient(parameters, category: none, seller: none, pool: pool)
        let optimiser = Optimiser(parameters, category: none, seller: none, pool: pool)
        let buckets = TimeBuckets(count: parameters.settings.timeBuckets)
        let histories = (0..<users).map { drawn.history($0) }
        let weights = histories.map { $0.sessions.map { _ in Float(1) } }
        var draw = SeededGenerator(seed: 3, stream: 0x7247)
        let seconds = middle(of: shape.runs) {
            let rows = (0..<negatives).map { _ in Int32(draw.below(shape.items)) }
            let batch = TrainingBatch(
                histories, weights: weights, negatives: rows, terms: [.shown], settings: parameters.settings,
                buckets: buckets, pool: pool)
            _ = gradient.run(batch, dropout: dropout, seed: draw.next())
            optimiser.step(batch, gradient, rate: 1e-3, decay: 0)
        }
        let flops = Double(users) * self.flops(histories[0], parameters.settings)
        print(
            "train    T=\(shape.tokens) D=\(shape.width) H=\(shape.heads) L=\(shape.blocks) R=\(negatives): "
                + "\(rounded(Double(users) / seconds, 1)) users/s, \(rounded(flops / seconds / 1e9, 1)) GFLOP/s, "
                + "\(rounded(100 * flops / seconds / roof.flops, 0))% of the roof")
    }

    /// Three times the forward pass (contexts of the last block in full) and the contrast with the negatives.
    private func flops(_ history: TokenHistory, _ s: ModelSettings) -> Double {
        let D = Double(s.width), rows = Double(history.tokens), contexts = Double(history.sessions.count)
        let towers = rows * 2 * D * D, contrast = contexts * (2 * D * D + Double(negatives) * 2 * D)
        let lastContexts = contexts * (4 * D * D + rows / 2 * 4 * D + 2 * D * D)
        return 3 * (EncodeFigures.flops(history, s, looksUp: false) + towers + contrast + lastContexts)
    }
}
