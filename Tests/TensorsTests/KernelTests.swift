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

    @Test(arguments: [1, 2, 15, 16, 17, 63, 64, 65, 257]) func siluAndItsGradientMatchTheirTwins(count: Int) {
        var x = drawn(count, 1, scale: 30), dy = drawn(count, 2), y = x, dx = x
        Kernels.silu(&x, into: &y, count: count)
        expectClose(y, ReadableKernels.silu(x))
        Kernels.siluBackward(&x, &dy, into: &dx, count: count)
        expectClose(dx, ReadableKernels.siluBackward(x, dy))
    }

    @Test func siluOfExtremesIsFinite() {
        var x: [Float] = [-1e30, -200, -88, 0, 88, 200, 1e30], y = x
        Kernels.silu(&x, into: &y, count: x.count)
        #expect(y.allSatisfy { $0.isFinite })
        #expect(abs(y[1]) < 1e-30 && y[3] == 0 && y[5] == 200)
    }

    @Test(arguments: [1, 7, 64, 131]) func biasedSiluAndItsGradientMatchTheirTwins(count: Int) {
        let scores = drawn(count, 3), upstream = drawn(count, 5)
        var fast = scores, bias = drawn(count, 4), gradient = upstream, again = scores
        Kernels.biasedSilu(&fast, bias: &bias, count: count, scale: 0.125)
        expectClose(fast, ReadableKernels.biasedSilu(scores, bias: bias, scale: 0.125))
        Kernels.biasedSiluBackward(&again, gradient: &gradient, bias: &bias, count: count, scale: 0.125)
        expectClose(again, fast)
        expectClose(
            gradient, ReadableKernels.siluBackward(zip(scores, bias).map { $0 + $1 }, upstream).map { $0 * 0.125 })
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

    @Test func rotationMatchesItsTwinAndTurnsBack() {
        let heads = 2, d = 8, stride = 40, sessions: [Int32] = [0, 3, 7]
        var cosines: [Float] = [], sines: [Float] = []
        for s in 0..<8 {
            let pair = ReadableKernels.rotate((0..<d).map { $0 % 2 == 0 ? 1 : 0 }, session: s, base: 100)
            for j in 0..<d / 2 {
                cosines.append(pair[2 * j])
                sines.append(pair[2 * j + 1])
            }
        }
        let x = drawn(3 * stride, 10)
        var fast = x
        for direction in [Float(1), -1] {
            Kernels.rotate(
                &fast, stride: stride, session: sessions, rows: 3, heads: heads, headWidth: d, cosines: &cosines,
                sines: &sines, direction: direction)
            guard direction == 1 else { break }
            for (row, session) in sessions.enumerated() {
                for head in 0..<heads {
                    let range = row * stride + head * d..<row * stride + head * d + d
                    expectClose(
                        Array(fast[range]), ReadableKernels.rotate(Array(x[range]), session: Int(session), base: 100))
                }
                let rest = row * stride + heads * d..<(row + 1) * stride
                #expect(Array(fast[rest]) == Array(x[rest]))
            }
        }
        expectClose(fast, x)
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

    @Test(arguments: [0, 1, 63, 64, 65, 1000]) func theScanKeepsExactlyWhatIsAboveInOrder(count: Int) {
        var scores = drawn(count, 20, scale: 1).map { ($0 * 8).rounded() / 8 }
        var rows = [Int32](repeating: -1, count: max(1, count)), kept = [Float](repeating: 0, count: max(1, count))
        let found = Kernels.scanAbove(&scores, count: count, threshold: 0.5, base: 100, rows: &rows, kept: &kept)
        let wanted = scores.indices.filter { scores[$0] > 0.5 }
        #expect(Array(rows[..<found]) == wanted.map { Int32(100 + $0) })
        #expect(Array(kept[..<found]) == wanted.map { scores[$0] })
    }

    @Test func runSumsAddEachSessionsPart() {
        var x: [Float] = [1, 2, 3, 4, 5], sums: [Float] = [10, 20, 30]
        Kernels.runSums(&x, starts: [7, 9, 9, 12], runs: 3, addingTo: &sums)
        #expect(sums == [13, 20, 42])
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
