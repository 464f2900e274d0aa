import Tensors
import Testing

/// What the tokens and negatives of each item come to, against sums that are written to be read.
@Suite struct SlotGradientsTests {
    @Test(arguments: [(1, 3, 2, 1), (5, 40, 8, 3), (30, 400, 64, 12), (7, 0, 16, 2), (4, 25, 17, 1)])
    func tokensAndNegativesAreSummedUpThroughTheNormalising(slots: Int, tokens: Int, width: Int, shares: Int) {
        // Item `t % slots` is token `t`'s, but for the last slot, which is among the negatives only.
        let held = (0..<tokens).map { slots > 1 ? $0 * 7 % (slots - 1) : 0 }
        let negatives = (0..<slots + 3).map { ($0 * 5 + 2) % slots }
        let inputs = drawnFloats(tokens * width, seed: 1), targets = drawnFloats(tokens * width, seed: 2)
        let units = drawnFloats(slots * width, seed: 3), norms = drawnFloats(slots, seed: 4)
        for s in 0..<slots { norms.pointer[s] = abs(norms.pointer[s]) + 0.5 }
        let sums = (0..<shares).map { drawnFloats(negatives.count * width, seed: UInt64(5 + $0)) }
        let out = FloatBuffer((slots + 1) * width)
        for i in 0..<out.count { out.pointer[i] = .nan }
        rowsOf(held, slots).withRows { tokens in
            rowsOf(negatives, slots).withRows { places in
                let gradients = SlotGradients(
                    width: width, tokens: tokens, places: places, inputs: inputs.pointer, targets: targets.pointer,
                    units: units.pointer, norms: norms.pointer)
                let half = slots / 2, all = sums.map { UnsafePointer<Float>?($0.pointer) }
                gradients.run(half..<slots, negatives: all, into: out.pointer)
                gradients.run(0..<half, negatives: all, into: out.pointer)
            }
        }
        for s in 0..<slots {
            func sum(_ buffer: FloatBuffer, _ rows: [Int], _ j: Int) -> Double {
                rows.reduce(0) { $0 + Double(buffer.pointer[$1 * width + j]) }
            }
            let mine = held.indices.filter { held[$0] == s }, places = negatives.indices.filter { negatives[$0] == s }
            let dy = (0..<width).map { j in
                sum(targets, mine, j) + sums.reduce(0) { $0 + sum($1, places, j) }
            }
            let unit = (0..<width).map { Double(units.pointer[s * width + $0]) }
            let along = zip(unit, dy).reduce(0) { $0 + $1.0 * $1.1 }
            for j in 0..<width {
                let wanted = (dy[j] - unit[j] * along) / Double(norms.pointer[s]) + sum(inputs, mine, j)
                let found = Double(out.pointer[s * width + j])
                #expect(abs(found - wanted) < 1e-4 * max(1, abs(wanted)), "slot \(s), \(j): \(found), not \(wanted)")
            }
        }
        #expect((0..<width).allSatisfy { out.pointer[slots * width + $0].isNaN })
    }

    private struct Listed {
        var first: [Int32]
        var rows: [Int32]

        func withRows(_ body: (SlotGradients.Rows) -> Void) {
            first.withUnsafeBufferPointer { first in
                rows.withUnsafeBufferPointer {
                    body(SlotGradients.Rows(first: first.baseAddress!, rows: $0.baseAddress))
                }
            }
        }
    }

    private func rowsOf(_ slotOf: [Int], _ slots: Int) -> Listed {
        let rows = (0..<slots).map { s in slotOf.indices.filter { slotOf[$0] == s }.map(Int32.init) }
        return Listed(
            first: rows.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int32($1.count)) }, rows: rows.flatMap { $0 })
    }
}
