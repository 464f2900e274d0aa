import CBands

/// The columns of a list as C takes them; they are valid as long as the closure runs.
extension RankedList {
    mutating func withMutableColumns<Result>(_ body: (nearline_columns) -> Result) -> Result {
        rows.withUnsafeMutableBufferPointer { rows in
            scores.withUnsafeMutableBufferPointer { scores in
                halves.withUnsafeMutableBufferPointer { halves in
                    falls.withUnsafeMutableBufferPointer { falls in
                        sources.withUnsafeMutableBufferPointer { sources in
                            rowLengths.withUnsafeMutableBufferPointer { rowLengths in
                                unsafe body(
                                    nearline_columns(
                                        rows: rows.baseAddress, scores: scores.baseAddress, halves: halves.baseAddress,
                                        falls: falls.baseAddress, sources: sources.baseAddress,
                                        row_lengths: rowLengths.baseAddress))
                            }
                        }
                    }
                }
            }
        }
    }

    /// For functions that only read.
    func withColumns<Result>(_ body: (nearline_columns) -> Result) -> Result {
        rows.withUnsafeBufferPointer { rows in
            halves.withUnsafeBufferPointer { halves in
                falls.withUnsafeBufferPointer { falls in
                    sources.withUnsafeBufferPointer { sources in
                        rowLengths.withUnsafeBufferPointer { rowLengths in
                            unsafe body(
                                nearline_columns(
                                    rows: UnsafeMutablePointer(mutating: rows.baseAddress), scores: nil,
                                    halves: UnsafeMutablePointer(mutating: halves.baseAddress),
                                    falls: UnsafeMutablePointer(mutating: falls.baseAddress),
                                    sources: UnsafeMutablePointer(mutating: sources.baseAddress),
                                    row_lengths: UnsafeMutablePointer(mutating: rowLengths.baseAddress)))
                        }
                    }
                }
            }
        }
    }
}
