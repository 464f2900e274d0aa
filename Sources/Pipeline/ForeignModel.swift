import Foundation
import Ledger
import Model

extension ModelRegistry {
    /// A model given as a file may come from another database: its release still needs its row.
    ///
    /// - Parameter file: nil for a model that was found here.
    func registerIfForeign(_ model: String, _ artifact: ModelArtifact, file: String?) throws {
        guard let file else { return }
        if let known = try named(model), !known.isRemoved { return }
        let row = ModelRow(
            model: model, file: URL(fileURLWithPath: file).path, asOf: artifact.facts["as_of"] ?? "now",
            vocabularyHash: artifact.vocabulary.hash, itemType: artifact.vocabulary.itemType.rawValue)
        try register(row, settings: "{}", figures: artifact.facts["figures"] ?? "{}")
    }
}
