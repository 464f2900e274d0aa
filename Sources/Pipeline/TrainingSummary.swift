import Foundation
import Model
import Training

/// What is told of a training: to whoever called it, and to the database beside the model.
extension TrainingOutcome {
    /// As JSON, for the registry and the artifact.
    var figures: String {
        var parts = ["\"epochs\": \(epochs)", "\"best_epoch\": \(bestEpoch)", "\"loss\": \(loss)"]
        if let heldOutNDCG {
            parts += ["\"held_out_ndcg_at_100\": \(heldOutNDCG)", "\"held_out_targets\": \(heldOutTargets)"]
        }
        return "{" + parts.joined(separator: ", ") + "}"
    }

    /// For people; the second line is the file.
    func summary(of name: String, _ artifact: ModelArtifact, path: String) -> String {
        var text =
            "trained \(name): \(artifact.vocabulary.count) items, \(artifact.facts["users"] ?? "") users, "
            + "\(epochs) epochs, loss \(String(format: "%.3f", loss))"
        if let heldOutNDCG {
            text +=
                ", held-out NDCG@100 \(String(format: "%.3f", heldOutNDCG)) at epoch \(bestEpoch) "
                + "over \(heldOutTargets) sessions"
        }
        if resumedAfterEpoch > 0 { text += ", went on after epoch \(resumedAfterEpoch)" }
        return text + "\n\(path)"
    }
}
