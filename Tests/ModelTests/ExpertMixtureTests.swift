import Domain
import Foundation
import Model
import Tensors
import Testing

/// A mixture of experts against its definition, token by token, in Double.
@Suite struct ExpertMixtureTests {
    private let rows = 37

    private func mixture(_ model: DrawnModel) throws -> ExpertMixture {
        try #require(PackedWeights(model.parameters).blocks[0].experts)
    }

    /// `x + F_0(n) + Σ p_i F_i(n)` over the two largest shares.
    private func wanted(_ x: [Double], _ model: DrawnModel) -> [Double] {
        let s = model.parameters.settings, D = s.width, F = s.expertWidth, E = s.experts
        let at = model.parameters.layout.blocks[0].experts!, dense = model.parameters.dense.pointer
        func times(_ x: [Double], _ offset: Int, columns: Int) -> [Double] {
            (0..<columns).map { j in x.indices.reduce(0) { $0 + x[$1] * Double(dense[offset + $1 * columns + j]) } }
        }
        let mean = x.reduce(0, +) / Double(D)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(D)
        let n = x.map { ($0 - mean) / (variance + Double(s.epsilon)).squareRoot() }
        let logits = times(n, at.router, columns: E), sum = logits.reduce(0) { $0 + exp($1) }
        func expert(_ number: Int) -> [Double] {
            let hidden = times(n, at.inner + number * D * F, columns: F).map { $0 / (1 + exp(-$0)) }
            return times(hidden, at.outer + number * D * F, columns: D)
        }
        var out = zip(x, expert(0)).map(+)
        for e in (0..<E).sorted(by: { (logits[$0], $1) > (logits[$1], $0) }).prefix(2) {
            out = zip(out, expert(e + 1)).map { $0 + exp(logits[e]) / sum * $1 }
        }
        return out
    }

    @Test(arguments: [1, 2, 3, 24], [8, 16, 64]) func tokensGoToTheSharedExpertAndToTwoMore(experts: Int, width: Int)
        throws
    {
        let model = DrawnModel(seed: UInt64(experts), blocks: 1, width: width, experts: experts)
        var draw = SeededGenerator(seed: 5)
        let x = FloatBuffer(rows * width)
        for i in 0..<x.count { x.pointer[i] = Float(draw.normal()) }
        let before = x.values.map(Double.init)
        let space = ExpertSpace()
        try mixture(model).run(x.pointer, rows: rows, space: space)
        #expect(space.routing.rows.count == rows * min(2, experts))
        for row in 0..<rows {
            let found = x.values[row * width..<(row + 1) * width].map(Double.init)
            let wanted = wanted(Array(before[row * width..<(row + 1) * width]), model)
            for j in 0..<width { #expect(abs(found[j] - wanted[j]) < 1e-4, "row \(row), \(j)") }
        }
    }

    @Test func tokensThatAreAloneGetTheSameBytes() throws {
        let model = DrawnModel(blocks: 1, experts: 5), width = model.width, mixture = try mixture(model)
        var draw = SeededGenerator(seed: 6)
        let x = FloatBuffer(rows * width), alone = FloatBuffer(width)
        for i in 0..<x.count { x.pointer[i] = Float(draw.normal()) }
        let before = Array(x.values)
        mixture.run(x.pointer, rows: rows, space: ExpertSpace())
        for row in [0, 11, rows - 1] {
            for j in 0..<width { alone.pointer[j] = before[row * width + j] }
            mixture.run(alone.pointer, rows: 1, space: ExpertSpace())
            #expect(Array(alone.values) == Array(x.values[row * width..<(row + 1) * width]))
        }
    }

    @Test func aModelWithoutExpertsIsStoredAsItWasBeforeThereWereAny() throws {
        let without = ModelSettings(items: 5, categories: 1, sellers: 1, scenes: 1)
        let json = String(decoding: try JSONEncoder().encode(without), as: UTF8.self)
        #expect(!json.contains("experts"))
        #expect(try JSONDecoder().decode(ModelSettings.self, from: Data(json.utf8)) == without)
        var with = without
        with.experts = 24
        #expect(try JSONDecoder().decode(ModelSettings.self, from: JSONEncoder().encode(with)).experts == 24)
        #expect(ParameterLayout(without).entries.allSatisfy { !$0.name.contains("expert") })
    }
}
