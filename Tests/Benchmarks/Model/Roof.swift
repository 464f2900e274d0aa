import Foundation
import Tensors

/// What the machine can do: large products by BLAS, one on each thread.
struct Roof {
    /// Multiplications and additions per second.
    let flops: Double

    init(threads: Int) {
        let n = 2048, pool = WorkerPool(workers: threads)
        let a = FloatBuffer(n * n), b = FloatBuffer(n * n)
        for i in 0..<n * n { (a.pointer[i], b.pointer[i]) = (Float(i % 7) - 3, Float(i % 5) - 2) }
        let outs = (0..<threads).map { _ in FloatBuffer(n * n) }
        let seconds = middle(of: 5) {
            pool.forEach(threads) { piece, _ in
                multiply(
                    Operand(a.pointer, stride: n), Operand(b.pointer, stride: n), into: outs[piece].pointer, stride: n,
                    rows: n, columns: n, inner: n)
            }
        }
        flops = 2 * Double(n * n * n * threads) / seconds
    }

    func describe(threads: Int) {
        print(
            "roof     sgemm 2048^3 on \(threads) threads: \(rounded(flops / 1e9, 1)) GFLOP/s (OpenBLAS core "
                + "\(BLAS.coreName), kernels of x86-64 level \(Kernels.level))")
    }
}

/// The middle one of so many runs, after one that does not count.
func middle(of runs: Int, _ body: () throws -> Void) rethrows -> Double {
    try body()
    var seconds: [Double] = []
    for _ in 0..<runs {
        let begin = DispatchTime.now().uptimeNanoseconds
        try body()
        seconds.append(Double(DispatchTime.now().uptimeNanoseconds - begin) / 1e9)
    }
    return seconds.sorted()[runs / 2]
}

func rounded(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
