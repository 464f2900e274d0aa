import ArgumentParser
import Domain
import Foundation
import Retrieval
import Tensors

/// The best items of every user, exactly.
struct TopKFigures: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "topk")
    @OptionGroup var shape: Shape
    @Option(help: "Users.") var users = 4096
    @Option(help: "Items of a list.") var kept = 100

    func run() throws {
        let roof = Roof(threads: shape.threads)
        roof.describe(threads: shape.threads)
        let D = shape.width, items = unit(shape.items, D, seed: 1), queries = unit(users, D, seed: 2)
        let catalogue = try Catalogue(items.pointer, count: shape.items, width: D) { _ in true }
        let topK = ExactTopK(catalogue, kept: kept, pool: WorkerPool(workers: shape.threads))
        let none = [[Int32]](repeating: [], count: users)
        let seconds = try middle(of: shape.runs) {
            _ = try topK.lists(queries.pointer, users: users, excluded: none)
        }
        let flops = 2 * Double(users) * Double(shape.items) * Double(D)
        print(
            "topk     U=\(users) V=\(shape.items) D=\(D) k=\(kept): \(rounded(Double(users) / seconds, 1)) users/s, "
                + "\(rounded(flops / seconds / 1e9, 1)) GFLOP/s, \(rounded(100 * flops / seconds / roof.flops, 0))% of the roof"
        )
    }

    private func unit(_ rows: Int, _ width: Int, seed: UInt64) -> FloatBuffer {
        var draw = SeededGenerator(seed: seed, stream: 0x70b)
        let x = FloatBuffer(rows * width), y = FloatBuffer(rows * width), norm = FloatBuffer(rows)
        for i in 0..<rows * width { x.pointer[i] = Float(draw.normal()) }
        Kernels.normalise(x.pointer, into: y.pointer, norm: norm.pointer, rows: rows, width: width, epsilon: 1e-6)
        return y
    }
}
