import CKernels

/// The columns of a packed matrix in eight bits, with bounds of what that leaves out: a first pass of ``TopKScan`` over them
/// finds out which columns need not be scored. A quarter of the packed matrix's size.
package final class CoarseMatrix: @unchecked Sendable {
    private let items: UnsafeMutablePointer<Int8>
    private let sums: UnsafeMutablePointer<Int32>
    private let bounds: UnsafeMutablePointer<Float>

    /// Whether the processor has sums of products of bytes; where not, a first pass would save nothing.
    package static var isOfUse: Bool { nearline_has_coarse() != 0 }

    /// nil where it is of no use.
    ///
    /// - Parameter matrix: finite.
    package init?(_ matrix: PackedMatrix) {
        guard Self.isOfUse else { return nil }
        let panels = (matrix.columns + nearline_panel() - 1) / nearline_panel(), columns = panels * nearline_panel()
        items = .allocate(capacity: columns * nearline_coarse_width(matrix.inner))
        sums = .allocate(capacity: columns)
        bounds = .allocate(capacity: 3 * panels)
        var parts = parts
        nearline_coarse_pack(matrix.panels.pointer, matrix.inner, matrix.columns, &parts)
    }

    deinit {
        items.deallocate()
        sums.deallocate()
        bounds.deallocate()
    }

    var parts: nearline_coarse { nearline_coarse(items: items, sums: sums, bounds: bounds) }
}
