import Domain
import Tensors

extension ModelParameters {
    /// The same model for a vocabulary that has moved on: rows of items, categories, sellers and scenes that both have keep every
    /// bit, wherever they stand now; new ones are as at the start of a training, and those that are gone are left out.
    ///
    /// - Parameters:
    ///   - known: what this model's rows stand for.
    ///   - vocabulary: what the new one's rows stand for.
    ///   - seed: of new rows.
    package func grown(from known: Vocabulary, to vocabulary: Vocabulary, seed: UInt64) -> ModelParameters {
        var shape = settings
        shape.items = vocabulary.count
        shape.categories = vocabulary.categories.count
        shape.sellers = vocabulary.sellers.count
        shape.scenes = vocabulary.scenes.count
        let grown = ModelParameters(shape, seed: seed), D = settings.width
        for (row, key) in vocabulary.items.enumerated() {
            guard let old = known.row(of: key) else { continue }
            (grown.item.pointer + row * D).update(from: item.pointer + Int(old) * D, count: D)
        }
        func carry(_ old: [String], _ new: [String], _ from: Floats, _ to: Floats) {
            // By bytes, as the source tells names apart.
            let rows = Dictionary(zip(old.map { Array($0.utf8) }, 0...), uniquingKeysWith: { first, _ in first })
            for (row, name) in new.enumerated() {
                guard let old = rows[Array(name.utf8)] else { continue }
                (to + row * D).update(from: from + old * D, count: D)
            }
        }
        carry(known.categories, vocabulary.categories, category.pointer, grown.category.pointer)
        carry(known.sellers, vocabulary.sellers, seller.pointer, grown.seller.pointer)
        let scenes = layout.scene
        for (old, new) in zip(layout.entries, grown.layout.entries) where old.offset != scenes {
            (grown.dense.pointer + new.offset).update(from: dense.pointer + old.offset, count: old.count)
        }
        carry(
            known.scenes, vocabulary.scenes, dense.pointer + scenes, grown.dense.pointer + grown.layout.scene)
        if settings.anchors > 0 {
            (grown.dense.pointer + grown.layout.scene + Int(shape.anchorScene) * D).update(
                from: dense.pointer + scenes + Int(settings.anchorScene) * D, count: D)
        }
        return grown
    }
}
