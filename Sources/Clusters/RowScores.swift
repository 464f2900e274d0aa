import Tensors

/// Scores of chosen rows of a catalogue against all centroids of a table; one worker's.
final class RowScores {
    private let vectors: UnsafePointer<Float>
    private let table: CentroidTable
    private let rows: FloatBuffer
    private let scores: FloatBuffer

    init(_ vectors: UnsafePointer<Float>, _ table: CentroidTable) {
        self.vectors = vectors
        self.table = table
        rows = FloatBuffer(CentroidTable.tile * table.width)
        scores = FloatBuffer(CentroidTable.tile * table.size)
    }

    /// Calls `body` for each of these rows, in order, with its scores `[size]`.
    func forEach(_ items: ArraySlice<Int>, _ body: (_ item: Int, _ scores: UnsafePointer<Float>) -> Void) {
        let D = table.width
        for begin in stride(from: items.startIndex, to: items.endIndex, by: CentroidTable.tile) {
            let some = items[begin..<min(begin + CentroidTable.tile, items.endIndex)]
            for (i, item) in some.enumerated() {
                _ = UnitRows.copy(vectors + item * D, width: D, into: rows.pointer + i * D)
            }
            table.score(rows.pointer, into: scores.pointer)
            for (i, item) in some.enumerated() { body(item, scores.pointer + i * table.size) }
        }
    }
}
