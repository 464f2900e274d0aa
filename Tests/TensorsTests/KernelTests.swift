import Tensors
import Testing

/// Every fast kernel against its readable twin, over drawn sizes (odd tails included).
@Suite struct KernelTests {
    private func drawn(_ count: Int, _ seed: UInt64, scale: Float = 4) -> [Float] {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (Float(state >> 40) / Float(1 << 24) - 0.5) * 2 * scale
        }
    }

    private func expectClose(_ a: [Float], _ b: [Float], within: Float = 2e-6) {
        #expect(a.count == b.count)
        let scale = max(1, b.map(abs).max() ?? 1)
        for i in a.indices { #expect(abs(a[i] - b[i]) <= within * scale, "place \(i): \(a[i]) against \(b[i])") }
    }

    @Test(arguments: [(1, 1), (3, 5), (7, 16), (2, 17), (5, 64), (3, 100)]) func gatesMatchTheirTwins(
        rows: Int, width: Int
    ) {
        let stride = 3 * width + 1
        var x = drawn(rows * width, 1), gates = drawn(rows * stride, 2), slopes = drawn(rows * stride, 3)
        var dy = drawn(rows * width, 10), y = x, dx = x, gradient = [Float](repeating: 7, count: rows * stride)
        func row(_ i: Int) -> Int { i / width * stride + i % width }
        Kernels.gate(&x, by: &gates, stride: stride, into: &y, rows: rows, width: width)
        expectClose(y, x.indices.map { x[$0] * gates[row($0)] })
        Kernels.gateBackward(
            &x, gate: &gates, slope: &slopes, stride: stride, &dy, gateGradient: &gradient, into: &dx, rows: rows,
            width: width)
        expectClose(dx, x.indices.map { dy[$0] * gates[row($0)] })
        expectClose(x.indices.map { gradient[row($0)] }, x.indices.map { dy[$0] * x[$0] * slopes[row($0)] })
        // What lies between the rows is another part's.
        #expect(gradient.indices.allSatisfy { $0 % stride < width || gradient[$0] == 7 })
    }

    @Test(arguments: [(0, 3), (1, 1), (7, 16), (5, 64), (3, 100), (33, 192)])
    func rowsAreSummedUp(rows: Int, width: Int) {
        var x = drawn(rows * width, 4), y = drawn(width, 5)
        let wanted = (0..<width).map { j in (0..<rows).reduce(y[j]) { $0 + x[$1 * width + j] } }
        Kernels.addRows(&x, to: &y, rows: rows, width: width)
        expectClose(y, wanted)
    }

    @Test(arguments: [1, 5, 16, 33, 2048]) func softmaxMatchesItsTwinAndLeavesOutMinusInfinity(count: Int) {
        var scores = drawn(count, 6, scale: 1)
        if count > 4 { scores[3] = -.infinity }
        let wanted = ReadableKernels.softmax(scores, scale: 20)
        let sum = Kernels.softmax(&scores, count: count, scale: 20)
        expectClose(scores, wanted.probabilities)
        expectClose([sum], [wanted.logSumExp])
        if count > 4 { #expect(scores[3] < 1e-30) }
        var nothing: [Float] = [-.infinity, -.infinity]
        #expect(Kernels.softmax(&nothing, count: 2, scale: 1) == -.infinity && nothing == [0, 0])
    }

    @Test(arguments: [(1, 8), (3, 16), (5, 64), (4, 100)]) func normsMatchTheirTwins(rows: Int, width: Int) {
        var x = drawn(rows * width, 7), y = x, deviation = [Float](repeating: 0, count: rows)
        Kernels.layerNorm(&x, into: &y, inverseDeviation: &deviation, rows: rows, width: width, epsilon: 1e-6)
        expectClose(y, ReadableKernels.layerNorm(x, width: width, epsilon: 1e-6), within: 1e-5)
        Kernels.normalise(&x, into: &y, norm: &deviation, rows: rows, width: width, epsilon: 1e-6)
        expectClose(y, ReadableKernels.normalise(x, width: width, epsilon: 1e-6))
    }

    @Test func gradientsOfNormsMatchCentralDifferences() {
        let width = 6, step: Float = 1e-2
        let x = drawn(width, 8), dy = drawn(width, 9)
        func loss(_ x: [Float], _ twin: ([Float]) -> [Float]) -> Double {
            zip(twin(x), dy).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        func differences(_ twin: ([Float]) -> [Float]) -> [Float] {
            x.indices.map { i in
                var up = x, down = x
                up[i] += step
                down[i] -= step
                return Float((loss(up, twin) - loss(down, twin)) / Double(2 * step))
            }
        }
        var input = x, upstream = dy, y = x, dx = [Float](repeating: 0, count: width), kept: Float = 0
        Kernels.layerNorm(&input, into: &y, inverseDeviation: &kept, rows: 1, width: width, epsilon: 1e-6)
        Kernels.layerNormBackward(&y, inverseDeviation: &kept, &upstream, addingTo: &dx, rows: 1, width: width)
        expectClose(dx, differences { ReadableKernels.layerNorm($0, width: width, epsilon: 1e-6) }, within: 2e-3)
        Kernels.normalise(&input, into: &y, norm: &kept, rows: 1, width: width, epsilon: 1e-6)
        Kernels.normaliseBackward(&y, norm: &kept, &upstream, into: &dx, rows: 1, width: width)
        expectClose(dx, differences { ReadableKernels.normalise($0, width: width, epsilon: 1e-6) }, within: 2e-3)
    }

    @Test(arguments: [(3, 5, 7), (64, 32, 200), (1, 64, 1)]) func productsMatchTheirTwin(m: Int, k: Int, n: Int) {
        var a = drawn(m * k, 11, scale: 1), b = drawn(k * n, 12, scale: 1)
        var c = [Float](repeating: 1, count: m * n)
        let wanted = ReadableKernels.multiply(a, b, rows: m, inner: k, columns: n)
        a.withUnsafeMutableBufferPointer { a in
            b.withUnsafeMutableBufferPointer { b in
                c.withUnsafeMutableBufferPointer { c in
                    let left = Operand(a.baseAddress!, stride: k), right = Operand(b.baseAddress!, stride: n)
                    multiply(left, right, into: c.baseAddress!, stride: n, rows: m, columns: n, inner: k)
                    multiply(left, right, into: c.baseAddress!, stride: n, rows: m, columns: n, inner: k, keep: 1)
                }
            }
        }
        expectClose(c, wanted.map { 2 * $0 }, within: 1e-5)
    }

    @Test func dropoutIsTheSameForTheSameSeedAndKeepsTheMean() {
        var a = [Float](repeating: 1, count: 100_000), b = a, c = a
        Kernels.dropout(&a, count: a.count, seed: 5, dropped: 0.3)
        Kernels.dropout(&b, count: b.count, seed: 5, dropped: 0.3)
        Kernels.dropout(&c, count: c.count, seed: 6, dropped: 0.3)
        #expect(a == b && a != c)
        let zeros = a.filter { $0 == 0 }.count
        #expect(abs(Double(zeros) / 100_000 - 0.3) < 0.01)
        #expect(abs(a.reduce(0, +) / 100_000 - 1) < 0.02)
    }

    @Test func adamWMatchesItsTwinOverSeveralSteps() {
        let count = 37
        var p = drawn(count, 13), m = [Float](repeating: 0, count: count), v = m
        var twin = p.map { (parameter: $0, first: Float(0), second: Float(0)) }
        for step in 1...4 {
            var g = drawn(count, UInt64(13 + step))
            let numbers = AdamWStep(rate: 0.01, step: step, decay: 0.1)
            Kernels.adamW(&p, gradient: &g, first: &m, second: &v, count: count, numbers)
            for i in 0..<count {
                twin[i] = ReadableKernels.adamW(
                    parameter: twin[i].parameter, gradient: g[i], first: twin[i].first, second: twin[i].second, numbers)
            }
        }
        expectClose(p, twin.map(\.parameter), within: 1e-5)
    }

    @Test(arguments: [(0, 5), (1, 64), (9, 64), (30, 37)]) func adamWOverRowsIsThatOverEachOfThem(
        count: Int, width: Int
    ) {
        let rows = (0..<Int32(count)).map { $0 * 5 % 31 }.shuffled()
        var p = drawn(31 * width, 20), m = drawn(31 * width, 21), v = drawn(31 * width, 22).map(abs)
        var g = drawn(count * width, 23), one = (p: p, m: m, v: v)
        let step = AdamWStep(rate: 0.01, step: 3, decay: 0.1)
        rows.withUnsafeBufferPointer {
            Kernels.adamW(&p, gradient: &g, first: &m, second: &v, rows: $0, width: width, step)
        }
        one.p.withUnsafeMutableBufferPointer { p in
            one.m.withUnsafeMutableBufferPointer { m in
                one.v.withUnsafeMutableBufferPointer { v in
                    g.withUnsafeMutableBufferPointer { g in
                        for (i, row) in rows.enumerated() {
                            let at = Int(row) * width
                            Kernels.adamW(
                                p.baseAddress! + at, gradient: g.baseAddress! + i * width, first: m.baseAddress! + at,
                                second: v.baseAddress! + at, count: width, step)
                        }
                    }
                }
            }
        }
        #expect(p == one.p && m == one.m && v == one.v)
    }

    @Test func thePoolVisitsEveryPieceOnce() {
        for workers in [1, 2, 8] {
            var visits = [Int](repeating: 0, count: 1000)
            visits.withUnsafeMutableBufferPointer { visits in
                WorkerPool(workers: workers).forEach(1000) { piece, worker in
                    visits[piece] += 1
                    precondition(worker < workers)
                }
            }
            #expect(visits.allSatisfy { $0 == 1 })
        }
    }
}
