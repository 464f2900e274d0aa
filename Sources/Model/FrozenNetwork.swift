import Tensors

/// A trained network made ready for queries: the state of each user's request token, and nothing else.
///
/// The same arithmetic as ``NextSessionNetwork`` in another order of sums: towers are linear, so every row of a table goes
/// through them once instead of every token, and so is all but a division of what the first block multiplies by
/// (``TokenProjection``); weights are packed; the last block computes values and keys for all tokens and the rest for the
/// request alone.
package final class FrozenNetwork: @unchecked Sendable {
    /// One HSTU block, packed.
    struct Block {
        /// Gate, value, query, key: one matrix for contexts and one for items, or the same for both. Empty where they are
        /// looked up.
        let projections: [PackedMatrix]
        /// In the last block: values and keys of all tokens by kind, gate and query of the request.
        let valueAndKey: [PackedMatrix]
        let gateAndQuery: PackedMatrix?
        let output: PackedMatrix
        let outputBias: Floats
        let timeBias: Floats
        let experts: ExpertMixture?
    }

    package let settings: ModelSettings
    let blocks: [Block]
    let head: PackedMatrix
    let headBias: Floats
    /// Tables of contexts and, for items, of their context's fields and their own: `[*, D]` as the towers map them, or
    /// `[*, 5D]` where ``first`` has put the first block's projection before each row.
    private let contextTables: Tables
    private let itemTables: Tables
    private let action: FloatBuffer
    private let items: FloatBuffer
    private let first: TokenProjection?
    /// Keeps alive what the blocks point into.
    private let parameters: ModelParameters

    private struct Tables {
        let scene: FloatBuffer
        let gap: FloatBuffer
        let hour: FloatBuffer

        /// What all tokens of a session have: the sum of its rows, each `width` floats.
        func sum(_ batch: PackedBatch, _ context: Int, width: Int, into out: Floats) {
            Kernels.sum(
                scene.pointer + Int(batch.scene[context]) * width, gap.pointer + Int(batch.gapBucket[context]) * width,
                hour.pointer + Int(batch.hour[context]) * width, into: out, count: width)
        }
    }

    /// Bytes that the items' rows and projections may take: 262,144 items at width 64. Above it the first block multiplies
    /// like the others.
    package static let lookupBytes = 320 << 20

    /// Whether the first block is looked up, not multiplied.
    package static func looksUp(
        _ settings: ModelSettings, items: Int, _ lookupBytes: Int = FrozenNetwork.lookupBytes
    ) -> Bool {
        settings.blocks > 1 && items * settings.width * 5 * MemoryLayout<Float>.size <= lookupBytes
    }

    /// - Parameters:
    ///   - sums: `[V, D]`, summed item, category and seller rows.
    ///   - lookupBytes: the most that looking up the first block may take.
    package init(
        _ parameters: ModelParameters, items sums: FloatBuffer, pool: WorkerPool,
        lookupBytes: Int = FrozenNetwork.lookupBytes
    ) {
        let settings = parameters.settings, layout = parameters.layout, dense = parameters.dense.pointer
        let D = settings.width
        self.parameters = parameters
        self.settings = settings
        let towers = (0..<2).map { kind in
            PackedMatrix(dense + layout.tower + kind * D * D, stride: D, inner: D, columns: D)
        }
        let looksUp = Self.looksUp(settings, items: sums.count / D, lookupBytes)
        let projection = looksUp ? TokenProjection(width: D, columns: 4 * D, epsilon: settings.epsilon) : nil
        let firstKinds = looksUp ? layout.blocks[0].projections(dense, width: D) : []
        let projections = firstKinds.map { PackedMatrix($0, stride: 4 * D, inner: D, columns: 4 * D) }
        first = projection
        func mapped(_ rows: Floats, _ count: Int, _ kind: Int, bias: Bool = false) -> FloatBuffer {
            let out = FloatBuffer(count * D)
            towers[kind].multiply(
                rows, stride: D, rows: count, bias: bias ? dense + layout.towerBias + kind * D : nil, into: out.pointer,
                stride: D)
            return projection?.table(out.pointer, count: count, matrix: projections[kind], pool: pool) ?? out
        }
        let scenes = FloatBuffer(settings.sceneRows * D)
        for scene in 0..<settings.sceneRows {
            (scenes.pointer + scene * D).update(
                from: dense + layout.scene + settings.sceneRow(Int32(scene)) * D, count: D)
        }
        // The scene of a token stands for the tower's bias too: every token has one.
        func tables(_ kind: Int) -> Tables {
            Tables(
                scene: mapped(scenes.pointer, settings.sceneRows, kind, bias: true),
                gap: mapped(dense + layout.gap, settings.timeBuckets, kind),
                hour: mapped(dense + layout.hour, 168, kind))
        }
        contextTables = tables(0)
        itemTables = tables(1)
        action = mapped(dense + layout.action, 4, 1)
        items = mapped(sums.pointer, sums.count / D, 1)
        blocks = layout.blocks.enumerated().map { b, at in
            let kinds = at.projections(dense, width: D)
            let isLast = b == layout.blocks.count - 1
            return Block(
                projections: isLast || b == 0 && looksUp
                    ? [] : kinds.map { PackedMatrix($0, stride: 4 * D, inner: D, columns: 4 * D) },
                valueAndKey: isLast ? kinds.map { Self.pair($0, 1, 3, D) } : [],
                gateAndQuery: isLast ? Self.pair(kinds[0], 0, 2, D) : nil,
                output: PackedMatrix(dense + at.output, stride: D, inner: D, columns: D),
                outputBias: dense + at.outputBias, timeBias: dense + at.timeBias,
                experts: at.experts.map { ExpertMixture(parameters, $0) })
        }
        head = PackedMatrix(dense + layout.horizon, stride: D, inner: D, columns: D)
        headBias = dense + layout.horizonBias
    }

    /// Two parts of a projection `[D, 4D]` beside each other.
    private static func pair(_ projection: Floats, _ first: Int, _ second: Int, _ D: Int) -> PackedMatrix {
        let both = FloatBuffer(D * 2 * D)
        for row in 0..<D {
            (both.pointer + row * 2 * D).update(from: projection + (row * 4 + first) * D, count: D)
            (both.pointer + row * 2 * D + D).update(from: projection + (row * 4 + second) * D, count: D)
        }
        return PackedMatrix(both.pointer, stride: 2 * D, inner: D, columns: 2 * D)
    }

    /// Unit query vectors `[users, D]` of horizon 0.
    package func run(_ batch: PackedBatch, into out: Floats, space: QuerySpace) {
        space.order.cover(batch)
        space.rotation.cover(batch.longest, settings)
        embed(batch, space)
        for block in blocks.dropLast() { run(block, batch, space) }
        last(blocks[blocks.count - 1], batch, space)
        finish(batch.users, into: out, space)
    }

    /// The residual stream's rows and, where they are looked up, what the first block projects them to.
    private func embed(_ batch: PackedBatch, _ space: QuerySpace) {
        let D = settings.width, C = batch.contexts, tableWidth = first == nil ? D : 5 * D
        let stream = space.stream.reserve(batch.rows * D), shared = space.shared.reserve(tableWidth)
        let active = first == nil ? space.active.pointer : space.active.reserve(batch.rows * 4 * D)
        batch.item.withUnsafeBufferPointer { item in
            batch.action.withUnsafeBufferPointer { actions in
                for c in 0..<C {
                    contextTables.sum(batch, c, width: tableWidth, into: shared)
                    if first != nil { (active + c * 4 * D).update(from: shared, count: 4 * D) }
                    (stream + c * D).update(from: shared + tableWidth - D, count: D)
                    let range = Int(batch.firstItem[c])..<Int(batch.firstItem[c + 1])
                    guard !range.isEmpty else { continue }
                    itemTables.sum(batch, c, width: tableWidth, into: shared)
                    if let first {
                        first.embed(
                            range, shared: shared, items: items.pointer, item: item, actions: action.pointer,
                            action: actions, into: stream + C * D, projected: active + C * 4 * D)
                    } else {
                        Kernels.embed(
                            range, shared: shared, items: items.pointer, item: item, actions: action.pointer,
                            action: actions, width: D, into: stream + C * D)
                    }
                }
            }
        }
        first?.finish(stream, count: C, inPlace: active)
    }

    /// One block for all rows.
    private func run(_ block: Block, _ batch: PackedBatch, _ space: QuerySpace) {
        let D = settings.width, rows = batch.rows, stream = space.stream.pointer
        let normed = space.normed.reserve(rows * D), active = space.active.reserve(rows * 4 * D)
        let attended = space.attended.reserve(rows * D)
        if !block.projections.isEmpty {
            Kernels.layerNorm(
                stream, into: normed, inverseDeviation: space.inverse.reserve(rows), rows: rows, width: D,
                epsilon: settings.epsilon)
            product(block.projections, normed, batch, into: active, stride: 4 * D)
        }
        let attention = space.attention(settings)
        space.order.forEachUser(batch) { user in
            for head in 0..<settings.heads {
                let start = active + head * settings.headWidth
                attention.attend(
                    query: start + 2 * D, key: start + 3 * D, value: start + D, stride: 4 * D, user,
                    turns: space.rotation.turns.pointer, bias: block.timeBias + head * settings.timeBuckets,
                    asked: user.all, into: attended + head * settings.headWidth, outStride: D)
            }
        }
        Kernels.gatedNorm(
            attended, gate: active, gateStride: 4 * D, into: normed, rows: rows, width: D, epsilon: settings.epsilon)
        block.output.multiply(normed, stride: D, rows: rows, bias: block.outputBias, into: stream, stride: D, .add)
        block.experts?.run(stream, rows: rows, space: space.experts)
    }

    /// The last block, for the request tokens: `space.states` `[users, D]`.
    private func last(_ block: Block, _ batch: PackedBatch, _ space: QuerySpace) {
        let D = settings.width, rows = batch.rows, users = batch.users, stream = space.stream.pointer
        let normed = space.normed.reserve(rows * D), pairs = space.active.reserve(rows * 2 * D)
        Kernels.layerNorm(
            stream, into: normed, inverseDeviation: space.inverse.reserve(rows), rows: rows, width: D,
            epsilon: settings.epsilon)
        product(block.valueAndKey, normed, batch, into: pairs, stride: 2 * D)
        let asked = space.asked.reserve(users * D), states = space.states.reserve(users * D)
        for user in 0..<users {
            let row = Int(batch.firstContext[user + 1]) - 1
            (asked + user * D).update(from: normed + row * D, count: D)
            (states + user * D).update(from: stream + row * D, count: D)
        }
        let gates = space.gates.reserve(users * 2 * D)
        block.gateAndQuery!.multiply(asked, stride: D, rows: users, into: gates, stride: 2 * D, .silu)
        let attention = space.attention(settings)
        space.order.forEachUser(batch) { user in
            for head in 0..<settings.heads {
                let column = head * settings.headWidth
                attention.attend(
                    request: gates + user.number * 2 * D + D + column, key: pairs + D + column, value: pairs + column,
                    stride: 2 * D, user, turns: space.rotation.turns.pointer,
                    bias: block.timeBias + head * settings.timeBuckets, into: asked + user.number * D + column)
            }
        }
        Kernels.gatedNorm(
            asked, gate: gates, gateStride: 2 * D, into: asked, rows: users, width: D, epsilon: settings.epsilon)
        block.output.multiply(asked, stride: D, rows: users, bias: block.outputBias, into: states, stride: D, .add)
        block.experts?.run(states, rows: users, space: space.experts)
    }

    private func finish(_ users: Int, into out: Floats, _ space: QuerySpace) {
        let D = settings.width, projected = space.asked.reserve(users * D)
        head.multiply(space.states.pointer, stride: D, rows: users, bias: headBias, into: projected, stride: D)
        Kernels.normalise(
            projected, into: out, norm: space.inverse.reserve(users), rows: users, width: D, epsilon: settings.epsilon)
    }

    /// `silu(rows · W)`, contexts and items each by their own matrix where there are two.
    private func product(_ kinds: [PackedMatrix], _ rows: Floats, _ batch: PackedBatch, into out: Floats, stride: Int) {
        let D = settings.width
        guard kinds.count == 2 else {
            return kinds[0].multiply(rows, stride: D, rows: batch.rows, into: out, stride: stride, .silu)
        }
        let C = batch.contexts
        kinds[0].multiply(rows, stride: D, rows: C, into: out, stride: stride, .silu)
        kinds[1].multiply(rows + C * D, stride: D, rows: batch.items, into: out + C * stride, stride: stride, .silu)
    }
}
