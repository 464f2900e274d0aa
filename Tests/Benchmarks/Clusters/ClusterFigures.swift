import Clusters
import Domain
import Foundation
import Tensors

/// One night from scratch, then the nights after it: nothing new, a little noise, much noise, other axes.
struct ClusterFigures {
    private let settings: SemanticSettings
    private let drawn: DrawnItems
    private let pool: WorkerPool

    init(items: Int, width: Int, settings: SemanticSettings, threads: Int) {
        self.settings = settings
        drawn = DrawnItems(items, width: width, seed: 1)
        pool = WorkerPool(workers: threads)
    }

    func print() throws {
        line("\(drawn.count) items of width \(drawn.width), sizes \(settings.sizes), \(pool.workers) threads")
        let first = try night("from scratch", drawn)
        let previous = SemanticFit.Previous(codebook: first.codebook, clusterOfItem: first.clusters.clusterOfItem)
        var assigned: [Int32] = []
        let seconds = elapsed {
            assigned = first.codebook.assign(drawn.vectors.pointer, count: drawn.count, pool: pool)
        }
        let change = ClusterChange(from: first.clusters.clusterOfItem, to: assigned)
        line("  assign: \(rate(seconds)); otherwise than learned, by the cap: \(percent(change.changedShare))")
        try night("the same again", drawn, previous)
        for share in [0.02, 0.1, 0.3] {
            try night("noise of \(percent(share))", drawn.noisy(share, seed: 2), previous)
        }
        var other = settings
        other.seed = 2
        let apart = try night("from scratch with another seed", drawn, nil, other)
        let numberless = ClusterChange(from: first.clusters.clusterOfItem, to: apart.clusters.clusterOfItem)
        line("  its numbers as they come: changed \(percent(numberless.changedShare))")
        let turned = drawn.turned(seed: 3)
        try night("other axes, numbers by items", turned, previous)
        try night("other axes and another seed", turned, previous, other)
        let bytes = try first.codebook.bytes()
        line("codebook of \(bytes.count) bytes, \(first.codebook.hash)")
    }

    @discardableResult
    private func night(
        _ name: String, _ items: DrawnItems, _ previous: SemanticFit.Previous? = nil, _ other: SemanticSettings? = nil
    ) throws -> SemanticFit {
        var fit: SemanticFit?
        let seconds = try elapsed {
            fit = try SemanticFit(
                items.vectors.pointer, count: items.count, width: items.width, settings: other ?? settings,
                previous: previous, pool: pool)
        }
        line("\(name): \(rate(seconds))")
        line("  \(fit!.report)")
        return fit!
    }

    private func rate(_ seconds: Double) -> String {
        "\((seconds * 100).rounded() / 100) s, \(Int(Double(drawn.count) / seconds)) items/s"
    }

    private func percent(_ share: Double) -> String { "\((share * 1e4).rounded() / 100) %" }

    private func elapsed(_ work: () throws -> Void) rethrows -> Double {
        let begin = ContinuousClock.now
        try work()
        let elapsed = begin.duration(to: .now).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
    }

    private func line(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}
