/// Eigenvectors of small symmetric matrices.
enum SymmetricMatrix {
    /// The eigenvalues and, in columns beside them, the eigenvectors, by Jacobi's rotations: exact to rounding, for some hundred rows.
    static func eigen(_ matrix: [[Double]]) -> (values: [Double], vectors: [[Double]]) {
        var a = matrix
        let n = a.count, scale = a.joined().reduce(0) { max($0, abs($1)) }
        var vectors = (0..<n).map { i in (0..<n).map { $0 == i ? 1.0 : 0 } }
        for _ in 0..<mostSweeps {
            var isDone = true
            for p in 0..<n {
                for q in p + 1..<max(n, p + 1) where abs(a[p][q]) > 1e-13 * scale {
                    isDone = false
                    let theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
                    let t = (theta < 0 ? -1.0 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
                    let cosine = 1 / (t * t + 1).squareRoot(), sine = t * cosine
                    for k in 0..<n { rotate(&a[k], p, q, cosine, sine) }
                    for k in 0..<n {
                        (a[p][k], a[q][k]) = (cosine * a[p][k] - sine * a[q][k], sine * a[p][k] + cosine * a[q][k])
                    }
                    for k in 0..<n { rotate(&vectors[k], p, q, cosine, sine) }
                }
            }
            if isDone { break }
        }
        return ((0..<n).map { a[$0][$0] }, vectors)
    }

    private static let mostSweeps = 60

    private static func rotate(_ row: inout [Double], _ p: Int, _ q: Int, _ cosine: Double, _ sine: Double) {
        (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q])
    }
}
