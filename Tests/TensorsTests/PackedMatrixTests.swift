import Tensors
import Testing

/// Products with packed matrices against the readable twin, over sizes that fill no tile, some, and several.
@Suite struct PackedMatrixTests {
    private func drawn(_ count: Int, _ seed: UInt64) -> FloatBuffer { drawnFloats(count, seed: seed) }

    private func expectClose(_ a: some Sequence<Float>, _ b: some Sequence<Float>, _ what: String) {
        for (i, (a, b)) in zip(a, b).enumerated() { #expect(abs(a - b) < 2e-5, "\(what), \(i): \(a) against \(b)") }
    }

    @Test(arguments: [
        (1, 1, 1), (6, 3, 16), (7, 5, 17), (13, 24, 96), (64, 64, 64), (65, 33, 130), (5, 200, 31), (0, 4, 4),
    ])
    func productsMatchTheirTwin(rows: Int, inner: Int, columns: Int) {
        let a = drawn(rows * inner, 1), b = drawn(inner * columns, 2), bias = drawn(columns, 3)
        let plain = ReadableKernels.multiply(
            Array(a.values), Array(b.values), rows: rows, inner: inner, columns: columns)
        let wanted = plain.indices.map { plain[$0] + bias.pointer[$0 % columns] }
        let packed = PackedMatrix(b.pointer, stride: columns, inner: inner, columns: columns)
        // A row of the result is wider than the matrix: what stands behind must stay.
        let stride = columns + 3, out = FloatBuffer(rows * stride), kept = FloatBuffer(rows * stride)
        func result(_ buffer: FloatBuffer) -> [Float] {
            (0..<rows * columns).map { buffer.pointer[$0 / columns * stride + $0 % columns] }
        }
        for after in [PackedMatrix.After.store, .add, .silu, .siluAndSlope] {
            for i in 0..<out.count { out.pointer[i] = 7 }
            packed.multiply(
                a.pointer, stride: inner, rows: rows, bias: bias.pointer, into: out.pointer, keeping: kept.pointer,
                stride: stride, after)
            switch after {
            case .store: expectClose(result(out), wanted, "stored")
            case .add: expectClose(result(out), wanted.map { $0 + 7 }, "added")
            case .silu: expectClose(result(out), ReadableKernels.silu(wanted), "silu")
            case .siluAndSlope:
                expectClose(result(out), ReadableKernels.silu(wanted), "silu")
                expectClose(result(kept), ReadableKernels.siluSlope(wanted), "slope")
            }
            #expect((0..<out.count).allSatisfy { $0 % stride < columns || out.pointer[$0] == 7 })
        }
    }

    @Test func aRowIsTheSameWhicheverRowsAreBesideIt() {
        let a = drawn(40 * 24, 4), b = drawn(24 * 50, 5), packed = PackedMatrix()
        packed.pack(b.pointer, stride: 50, inner: 24, columns: 50)
        let all = FloatBuffer(40 * 50), one = FloatBuffer(50)
        packed.multiply(a.pointer, stride: 24, rows: 40, into: all.pointer, stride: 50)
        for row in 0..<40 {
            packed.multiply(a.pointer + row * 24, stride: 24, rows: 1, into: one.pointer, stride: 50)
            #expect(Array(one.values) == Array(all.values[row * 50..<row * 50 + 50]))
        }
    }

    @Test func transposedMatricesArePackedToo() {
        let a = drawn(9 * 12, 6), b = drawn(70 * 12, 7), packed = PackedMatrix(), out = FloatBuffer(9 * 70)
        packed.pack(b.pointer, stride: 12, transposed: true, inner: 12, columns: 70)
        packed.multiply(a.pointer, stride: 12, rows: 9, into: out.pointer, stride: 70)
        let turned = (0..<12 * 70).map { b.pointer[$0 % 70 * 12 + $0 / 70] }
        expectClose(
            out.values, ReadableKernels.multiply(Array(a.values), turned, rows: 9, inner: 12, columns: 70), "transposed"
        )
    }

    @Test func extremesStayFinite() {
        let x = FloatBuffer(7), one = FloatBuffer(1), out = FloatBuffer(7)
        let extremes: [Float] = [-1e30, -200, -88, 0, 88, 200, 1e30]
        for (i, value) in extremes.enumerated() { x.pointer[i] = value }
        one.pointer[0] = 1
        PackedMatrix(one.pointer, stride: 1, inner: 1, columns: 1).multiply(
            x.pointer, stride: 1, rows: 7, into: out.pointer, stride: 1, .silu)
        #expect(out.values.allSatisfy { $0.isFinite })
        #expect(abs(out.pointer[1]) < 1e-30 && out.pointer[3] == 0 && out.pointer[5] == 200)
    }

    @Test(arguments: [(1, 1, 1), (7, 5, 3), (31, 24, 24), (100, 64, 130), (0, 3, 3)])
    func outerProductsMatchTheirTwin(rows: Int, height: Int, columns: Int) {
        let a = drawn(rows * height, 8), b = drawn(rows * columns, 9), out = FloatBuffer(height * columns)
        for i in 0..<out.count { out.pointer[i] = 1 }
        addOuter(
            a.pointer, height, b.pointer, columns, rows: rows, height: height, columns: columns, to: out.pointer,
            stride: columns)
        let turned = (0..<height * rows).map { a.pointer[$0 % max(1, rows) * height + $0 / max(1, rows)] }
        let plain = ReadableKernels.multiply(
            turned, Array(b.values), rows: height, inner: rows, columns: columns)
        expectClose(out.values, plain.map { $0 + 1 }, "outer")
    }
}
