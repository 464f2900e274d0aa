/// A sparse matrix, row by row.
package struct SparseRows: Sendable {
    /// `[rows + 1]`
    package private(set) var starts = [0]
    package private(set) var column: [Int32] = []
    package private(set) var value: [Float] = []

    package init() {}

    /// - Parameter starts: `[rows + 1]`, where each row's entries begin; ascending.
    package init(starts: [Int], column: [Int32], value: [Float]) {
        (self.starts, self.column, self.value) = (starts, column, value)
    }

    var rows: Int { starts.count - 1 }

    @inline(__always)
    func range(_ row: Int) -> Range<Int> { starts[row]..<starts[row + 1] }

    /// The columns of a row, their values, and how many there are.
    @inline(__always)
    package func withRow(_ row: Int, _ body: (UnsafePointer<Int32>, UnsafePointer<Float>, Int) -> Void) {
        let range = range(row)
        column.withUnsafeBufferPointer { column in
            value.withUnsafeBufferPointer { value in
                guard let columns = column.baseAddress, let values = value.baseAddress else { return }
                body(columns + range.lowerBound, values + range.lowerBound, range.count)
            }
        }
    }

    /// Adds a row; values of the same column are summed, in order of size, so that the sum depends on nothing else.
    mutating func append(_ entries: [(column: Int32, value: Float)]) {
        let begin = column.count
        for entry in entries.sorted(by: { ($0.column, $0.value) < ($1.column, $1.value) }) {
            if column.count > begin, column[column.count - 1] == entry.column {
                value[value.count - 1] += entry.value
            } else {
                column.append(entry.column)
                value.append(entry.value)
            }
        }
        starts.append(column.count)
    }

    /// Adds the rows of another one.
    mutating func append(contentsOf other: SparseRows) {
        let base = column.count
        column.append(contentsOf: other.column)
        value.append(contentsOf: other.value)
        starts.append(contentsOf: other.starts.dropFirst().map { $0 + base })
    }

    /// Rows for columns; within a row in ascending order.
    func transposed(columns: Int) -> SparseRows {
        var turned = SparseRows()
        turned.starts = [Int](repeating: 0, count: columns + 1)
        for column in column { turned.starts[Int(column) + 1] += 1 }
        for column in 0..<columns { turned.starts[column + 1] += turned.starts[column] }
        turned.column = [Int32](repeating: 0, count: column.count)
        turned.value = [Float](repeating: 0, count: column.count)
        var next = turned.starts
        for row in 0..<rows {
            for entry in range(row) {
                let place = next[Int(column[entry])]
                next[Int(column[entry])] += 1
                turned.column[place] = Int32(row)
                turned.value[place] = value[entry]
            }
        }
        return turned
    }
}
