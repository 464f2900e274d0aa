import Domain
import Safetensors

/// All that merged lists need beside the model: what is counted of items, and weights learned on sessions that were held out.
package struct Blend: Sendable {
    package let tables: ItemTables
    package let weights: BlendWeights

    package init(tables: ItemTables, weights: BlendWeights) {
        (self.tables, self.weights) = (tables, weights)
    }

    package var tensors: [String: StoredTensor] {
        var all = tables.tensors
        all["weights"] = weights.values.withUnsafeBufferPointer {
            StoredTensor(floats: $0, shape: [UserClass.allCases.count, BlendFeature.count])
        }
        return all
    }

    /// nil where an artifact holds none: it was trained without.
    ///
    /// - Parameter items: of the vocabulary beside it.
    package init?(_ tensors: [String: StoredTensor], items: Int, path: String) throws(SafetensorsError) {
        guard !tensors.isEmpty else { return nil }
        func tensor(_ name: String) throws(SafetensorsError) -> StoredTensor {
            guard let tensor = tensors[name] else { throw .damaged(path: path, reason: "its blend has no \(name)") }
            return tensor
        }
        let weights = try tensor("weights")
        let values = weights.array(of: Float.self)
        guard weights.shape == [UserClass.allCases.count, BlendFeature.count], values.allSatisfy(\.isFinite) else {
            throw .damaged(
                path: path,
                reason: "its blend has weights of \(weights.shape), this version of nearline has "
                    + "\([UserClass.allCases.count, BlendFeature.count]); train it again")
        }
        self.init(
            tables: try ItemTables(items: items, path: path, tensor: tensor), weights: BlendWeights(values))
    }
}
