import Domain
import Model
import Tensors

/// A small model whose every parameter matters: dense ones are drawn large, so that a term left out shows.
struct DrawnModel {
    let parameters: ModelParameters
    let vectors: ItemVectors
    let buckets: TimeBuckets
    static let items = 40

    /// - Parameter change: is given the item embeddings `[items, D]` before vectors are made of them.
    init(
        seed: UInt64 = 1, blocks: Int = 3, width: Int = 16, heads: Int = 2, experts: Int = 0, anchors: Int = 0,
        readsScenes: Bool = true,
        change: (Floats, Int) -> Void = { _, _ in }
    ) {
        var settings = ModelSettings(
            items: Self.items, categories: 4, sellers: 3, scenes: 3, width: width, heads: heads, blocks: blocks,
            attentionNorm: 8, experts: experts, anchors: anchors)
        settings.readsScenes = readsScenes
        parameters = ModelParameters(settings, seed: seed)
        var draw = SeededGenerator(seed: seed, stream: 0xd5a3)
        for i in 0..<parameters.dense.count { parameters.dense.pointer[i] += Float(draw.normal() * 0.2) }
        for i in 0..<parameters.item.count { parameters.item.pointer[i] = Float(draw.normal()) }
        change(parameters.item.pointer, settings.width)
        vectors = ItemVectors(
            all: parameters, category: (0..<Self.items).map { Int32($0 % 4) },
            seller: (0..<Self.items).map { Int32($0 % 3) })
        buckets = TimeBuckets(count: settings.timeBuckets)
    }

    var width: Int { parameters.settings.width }

    /// The rows of the residual stream after the forward pass: contexts, then items.
    ///
    /// Context rows are final; item rows are as the last block reads them, since it updates contexts only.
    func rows(
        _ histories: [TokenHistory], requests: [PackedBatch.Request] = [], mode: NextSessionNetwork.Mode = .exact
    ) -> (batch: PackedBatch, contexts: [[Float]], items: [[Float]]) {
        let batch = PackedBatch(histories, requests: requests, buckets: buckets), space = Workspace()
        NextSessionNetwork(parameters).run(batch, embeddings: vectors.sums.pointer, mode: mode, space: space)
        let rows = (0..<batch.rows).map { row in
            Array(UnsafeBufferPointer(start: space.stream.pointer + row * width, count: width))
        }
        return (batch, Array(rows[..<batch.contexts]), Array(rows[batch.contexts...]))
    }
}

/// Sessions with pauses from minutes to months, of one to `longest` items.
func drawnHistory(seed: UInt64, sessions: Int = 6, longest: Int = 7) -> TokenHistory {
    var draw = SeededGenerator(seed: seed, stream: 0x4157)
    var history = TokenHistory(), time: Int64 = 1_700_000_000
    for _ in 0..<sessions {
        time += Int64(1) << Int64(draw.below(23))
        let items = (0..<1 + draw.below(longest)).map { _ in
            (row: Int32(draw.below(DrawnModel.items)), action: UInt8(draw.below(4)))
        }
        history.append(startsAt: time, scene: Int32(draw.below(3)), items: items)
    }
    return history
}

/// The same sessions, each with its items in another order.
func shuffled(_ history: TokenHistory, seed: UInt64) -> TokenHistory {
    var draw = SeededGenerator(seed: seed, stream: 0x5f1e), begin = 0
    var other = TokenHistory()
    for head in history.sessions {
        let range = begin..<begin + Int(head.items)
        begin = range.upperBound
        other.append(
            startsAt: head.startsAt, scene: head.scene,
            items: range.shuffled(using: &draw).map { (row: history.rows[$0], action: history.actions[$0]) })
    }
    return other
}

/// The largest difference of two equally long lists of rows.
func difference(_ a: [[Float]], _ b: [[Float]]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).map { difference($0, $1) }.max() ?? 0
}

func difference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count, a.allSatisfy({ $0.isFinite }), b.allSatisfy({ $0.isFinite }) else { return .infinity }
    return zip(a, b).map { abs($0 - $1) }.max() ?? 0
}
