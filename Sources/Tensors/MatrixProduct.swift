import COpenBLAS

package typealias Floats = UnsafeMutablePointer<Float>

/// One operand of a matrix product: where it starts, how many floats from row to row, and whether it is read transposed.
package struct Operand {
    let start: UnsafePointer<Float>
    let stride: Int
    let isTransposed: Bool

    package init(_ start: Floats, stride: Int, transposed: Bool = false) {
        self.start = UnsafePointer(start)
        self.stride = stride
        self.isTransposed = transposed
    }
}

/// `c = a · b + keep · c`, single precision.
///
/// - Parameters:
///   - a: `[rows, inner]` after its transposition; b: `[inner, columns]` after its own.
///   - c: `[rows, columns]`, `stride` floats from row to row.
///   - keep: 0 overwrites `c`, 1 adds to it.
package func multiply(
    _ a: Operand, _ b: Operand, into c: Floats, stride: Int, rows: Int, columns: Int, inner: Int, keep: Float = 0
) {
    guard rows > 0, columns > 0 else { return }
    _ = BLAS.isReady
    cblas_sgemm(
        CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans, b.isTransposed ? CblasTrans : CblasNoTrans,
        blasint(rows), blasint(columns), blasint(inner), 1, a.start, blasint(a.stride), b.start, blasint(b.stride),
        keep, c, blasint(stride))
}

/// The BLAS that does the large products: one thread inside, because the pool outside has all the cores.
package enum BLAS {
    static let isReady: Bool = {
        openblas_set_num_threads(1)
        return true
    }()

    /// The processor family whose kernels OpenBLAS picked (`OPENBLAS_CORETYPE` overrides it), such as "Cooperlake".
    package static var coreName: String {
        _ = isReady
        return String(cString: openblas_get_corename())
    }
}
