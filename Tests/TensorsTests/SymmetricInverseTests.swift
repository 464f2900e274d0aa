import Domain
import Tensors
import Testing

@Suite struct SymmetricInverseTests {
    /// A sum of drawn squares plus a diagonal: positive definite.
    private func drawn(_ n: Int, seed: UInt64) -> [Float] {
        var draw = SeededGenerator(seed: seed)
        let x = (0..<n * n).map { _ in Float(draw.uniform() - 0.5) }
        var a = [Float](repeating: 0, count: n * n)
        for i in 0..<n {
            for j in 0..<n {
                a[i * n + j] = (0..<n).reduce(i == j ? 1 : 0) { $0 + x[i * n + $1] * x[j * n + $1] }
            }
        }
        return a
    }

    @Test(arguments: [1, 2, 7, 63, 64, 65, 130])
    func theProductWithTheInverseIsTheIdentityForSize(_ n: Int) {
        let a = drawn(n, seed: UInt64(n))
        var inverse = a
        #expect(inverse.withUnsafeMutableBufferPointer { invertSymmetric($0.baseAddress!, size: n) })
        for i in 0..<n {
            for j in 0..<n {
                let sum = (0..<n).reduce(0.0) { $0 + Double(a[i * n + $1]) * Double(inverse[$1 * n + j]) }
                #expect(abs(sum - (i == j ? 1 : 0)) < 1e-3, "\(i), \(j)")
                #expect(inverse[i * n + j] == inverse[j * n + i])
            }
        }
    }

    @Test func whatIsNotPositiveDefiniteIsSaidToBe() {
        var a: [Float] = [1, 2, 2, 1]
        #expect(!a.withUnsafeMutableBufferPointer { invertSymmetric($0.baseAddress!, size: 2) })
    }
}
