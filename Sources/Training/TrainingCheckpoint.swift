import Foundation
import Model
import Safetensors

/// Where training stands after an epoch: enough to go on to the same bytes after a kill.
struct TrainingCheckpoint {
    var epoch = 0
    var steps = 0
    var bestEpoch = 0
    /// Of the smoothed held-out figure; higher is better.
    var best = -Double.infinity
    /// Of the held-out sessions, epoch by epoch.
    var figures: [Double] = []
    var lastLoss = 0.0

    /// - Parameter fingerprint: names settings and corpus; a checkpoint of anything else is not gone on from.
    func write(
        to path: String, fingerprint: String, _ parameters: ModelParameters, _ optimiser: Optimiser,
        best bestParameters: ModelParameters
    ) throws {
        var tensors: [String: StoredTensor] = [:]
        for (prefix, set) in [
            ("param.", parameters), ("first.", optimiser.first), ("second.", optimiser.second),
            ("best.", bestParameters),
        ] {
            tensors.merge(set.tensors(prefix: prefix)) { first, _ in first }
        }
        let metadata = [
            "format": "nearline-checkpoint-1", "fingerprint": fingerprint, "epoch": String(epoch),
            "steps": String(steps),
            "best_epoch": String(bestEpoch), "best": String(best.bitPattern),
            "last_loss": String(lastLoss.bitPattern),
            "figures": figures.map { String($0.bitPattern) }.joined(separator: ","),
        ]
        try SafetensorsFile(metadata: metadata, tensors: tensors).write(to: path)
    }

    /// nil where there is no checkpoint of this very training; a damaged one counts as none, because it can be redone.
    init?(
        path: String, fingerprint: String, into parameters: ModelParameters, _ optimiser: Optimiser,
        best bestParameters: ModelParameters
    ) {
        guard let file = try? SafetensorsFile(path: path), file.metadata["fingerprint"] == fingerprint,
            let epoch = file.metadata["epoch"].flatMap({ Int($0) }),
            let steps = file.metadata["steps"].flatMap({ Int($0) }),
            let bestEpoch = file.metadata["best_epoch"].flatMap({ Int($0) }),
            let bestFigure = file.metadata["best"].flatMap({ UInt64($0) }),
            let lastLoss = file.metadata["last_loss"].flatMap({ UInt64($0) }),
            (try? parameters.read(file, prefix: "param.", path: path)) != nil,
            (try? optimiser.first.read(file, prefix: "first.", path: path)) != nil,
            (try? optimiser.second.read(file, prefix: "second.", path: path)) != nil,
            (try? bestParameters.read(file, prefix: "best.", path: path)) != nil
        else { return nil }
        self.epoch = epoch
        self.steps = steps
        self.bestEpoch = bestEpoch
        self.best = Double(bitPattern: bestFigure)
        self.lastLoss = Double(bitPattern: lastLoss)
        figures = (file.metadata["figures"] ?? "").split(separator: ",").compactMap {
            UInt64($0).map { Double(bitPattern: $0) }
        }
        optimiser.resume(atStep: steps)
    }

    init() {}

    /// The mean of the last three figures: a few hundred sessions make a single one jump.
    var smoothFigure: Double { figures.suffix(3).reduce(0, +) / Double(max(1, figures.suffix(3).count)) }
}
