import CKernels

/// A small matrix `[inner, columns]` laid out for the product kernel, once for many products with tall matrices.
package final class PackedMatrix: @unchecked Sendable {
    /// What becomes of the numbers that a product ends in.
    package enum After: Int {
        case store = 0
        /// Added to what is there.
        case add
        /// `x · sigmoid(x)`, then stored.
        case silu
        /// The same, and its slope there is kept: the way back multiplies by it.
        case siluAndSlope
    }

    package private(set) var inner = 0
    package private(set) var columns = 0
    let panels = FloatBuffer()

    package init() {}

    /// - Parameter stride: floats from row to row of `matrix`.
    package convenience init(_ matrix: Floats, stride: Int, inner: Int, columns: Int) {
        self.init()
        pack(matrix, stride: stride, inner: inner, columns: columns)
    }

    /// Takes on other numbers: `matrix` is `[inner, columns]` after its transposition.
    package func pack(_ matrix: Floats, stride: Int, transposed: Bool = false, inner: Int, columns: Int) {
        (self.inner, self.columns) = (inner, columns)
        let panel = nearline_panel()
        let out = panels.reserve(inner * ((columns + panel - 1) / panel) * panel)
        nearline_pack(matrix, transposed ? 1 : stride, transposed ? stride : 1, inner, columns, out)
    }

    /// `out = after(left · self + bias)`; every number is one sum in the order of `inner`, whatever the other rows are.
    ///
    /// - Parameters:
    ///   - left: `[rows, inner]`, `leftStride` floats from row to row.
    ///   - bias: `[columns]`, or nil for none.
    ///   - out: `[rows, columns]`, `stride` floats from row to row.
    ///   - kept: laid out as `out`; for ``After/siluAndSlope``.
    package func multiply(
        _ left: Floats, stride leftStride: Int, rows: Int, bias: Floats? = nil, into out: Floats,
        keeping kept: Floats? = nil,
        stride: Int, _ after: After = .store
    ) {
        nearline_product(
            left, leftStride, panels.pointer, bias, out, kept, stride, rows, inner, columns, Int32(after.rawValue))
    }
}

/// `out += leftᵀ · right` over `rows` rows of two tall matrices: the gradient of a weight. Each is given with the floats from
/// row to row; `left` is `[rows, height]`, `right` `[rows, columns]`, `out` `[height, columns]`.
package func addOuter(
    _ left: Floats, _ leftStride: Int, _ right: Floats, _ rightStride: Int, rows: Int, height: Int, columns: Int,
    to out: Floats, stride: Int
) {
    nearline_outer(left, leftStride, right, rightStride, out, stride, rows, height, columns)
}
