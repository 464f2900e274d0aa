import Tensors
import Testing

/// Rows added up of tables that went through the matrix before, against norm and product of each row.
@Suite struct TokenProjectionTests {
    /// Rows with a mean that is not near zero, as tables have.
    private func drawn(_ count: Int, _ seed: UInt64) -> FloatBuffer { drawnFloats(count, seed: seed, around: 0.4) }

    @Test(arguments: [(2, 3), (16, 16), (24, 96), (33, 70), (64, 256), (96, 384)])
    func projectionsMatchTheirTwin(width: Int, columns: Int) {
        let epsilon: Float = 1e-5, items = 40, tokens = 23
        let projection = TokenProjection(width: width, columns: columns, epsilon: epsilon)
        let weights = drawn(width * columns, 1), pool = WorkerPool(workers: 2)
        let matrix = PackedMatrix(weights.pointer, stride: columns, inner: width, columns: columns)
        let tables = [(items, 2), (4, 3), (1, 4)].map { (drawn($0.0 * width, UInt64($0.1)), $0.0) }
        let made = tables.map { projection.table($0.0.pointer, count: $0.1, matrix: matrix, pool: pool) }
        let item = (0..<tokens).map { Int32($0 * 17 % items) }, action = (0..<tokens).map { UInt8($0 % 4) }

        let sums = (0..<tokens).flatMap { t in
            (0..<width).map {
                tables[0].0.pointer[Int(item[t]) * width + $0] + tables[1].0.pointer[Int(action[t]) * width + $0]
                    + tables[2].0.pointer[$0]
            }
        }
        let normed = ReadableKernels.layerNorm(sums, width: width, epsilon: Double(epsilon))
        let wanted = ReadableKernels.silu(
            ReadableKernels.multiply(normed, Array(weights.values), rows: tokens, inner: width, columns: columns))

        let rows = FloatBuffer(tokens * width), found = FloatBuffer(tokens * columns)
        // In two parts, as the sessions of a batch are.
        for range in [0..<9, 9..<tokens] {
            item.withUnsafeBufferPointer { item in
                action.withUnsafeBufferPointer { action in
                    projection.embed(
                        range, shared: made[2].pointer, items: made[0].pointer, item: item, actions: made[1].pointer,
                        action: action, into: rows.pointer, projected: found.pointer)
                }
            }
        }
        #expect(zip(rows.values, sums).allSatisfy { abs($0 - $1) < 1e-5 })
        for (i, (a, b)) in zip(found.values, wanted).enumerated() {
            #expect(abs(a - b) < 1e-4, "\(i): \(a) against \(b)")
        }

        // The same of rows that are there.
        let sum = FloatBuffer(columns), row = FloatBuffer(width)
        for (i, x) in sums.prefix(width).enumerated() { row.pointer[i] = x }
        for i in 0..<columns {
            sum.pointer[i] =
                made[0].pointer[Int(item[0]) * (columns + width) + i]
                + made[1].pointer[Int(action[0]) * (columns + width) + i] + made[2].pointer[i]
        }
        projection.finish(row.pointer, count: 1, inPlace: sum.pointer)
        for (a, b) in zip(sum.values, wanted) { #expect(abs(a - b) < 1e-4) }
    }
}
