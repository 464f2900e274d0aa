import Domain
import Model
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Item embeddings to begin a training with: items that the same users had lie in the same direction.
///
/// The leading eigenvectors of the normalised co-occurrence `Dᵢ^-½ Xᵀ Dᵤ^-1 X Dᵢ^-½` of users and items, without the first (which
/// says only how popular an item is), each times the root of its eigenvalue, by subspace iteration from a drawn start. A training
/// from random vectors has to find these directions first, and where there are few sessions an item it hardly does.
///
/// To every `Dᵢ` the mean of them is added: else a few users with items that nobody else had, which large catalogues are full of,
/// are leading eigenvectors of their own (regularised spectral clustering, Qin and Rohe, arXiv:1309.4111).
package struct SpectralStart {
    private static let iterations = 8
    /// Vectors beyond those that are wanted: with them the wanted ones are found in few iterations (Halko, Martinsson and Tropp,
    /// arXiv:0909.4061).
    private static let spares = 8

    /// `[items]`
    private let weight: [Float]
    private let starts: [Int]
    private let rows: [Int32]
    private let items: Int
    private let pool: WorkerPool

    package init(_ histories: [TokenHistory], items: Int, pool: WorkerPool) {
        var starts = [0], rows: [Int32] = [], degree = [Float](repeating: 0, count: items)
        for history in histories {
            let own = Set(history.rows).sorted()
            rows += own
            starts.append(rows.count)
            for row in own { degree[Int(row)] += 1 }
        }
        (self.starts, self.rows, self.items, self.pool) = (starts, rows, items, pool)
        let mean = Float(rows.count) / Float(max(1, degree.count { $0 > 0 }))
        weight = degree.map { $0 > 0 ? 1 / ($0 + mean).squareRoot() : 0 }
    }

    /// Writes `[items, width]`: rows of length `norm`, but those of items that nobody had, which stay as they are.
    ///
    /// - Parameter safePoint: called every some seconds at most; what it throws ends this, with nothing written.
    package func write(
        to out: Floats, width: Int, norm: Float, seed: UInt64, safePoint: () throws -> Void
    ) rethrows {
        let count = 1 + width + Self.spares
        // `[count, items]`: a vector is one run of memory.
        var vectors = FloatBuffer(count * items), images = FloatBuffer(count * items)
        var draw = SeededGenerator(seed: seed, stream: 0x5bec)
        for i in 0..<count * items { vectors.pointer[i] = Float(draw.normal()) }
        orthonormalise(vectors, count)
        for _ in 0..<Self.iterations {
            try safePoint()
            multiply(vectors, into: images, count)
            orthonormalise(images, count)
            swap(&vectors, &images)
        }
        multiply(vectors, into: images, count)
        // Rayleigh and Ritz: of all the space that was found, the directions that are eigenvectors.
        var small = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
        for v in 0..<count {
            for w in 0...v {
                small[v][w] = Double(
                    Kernels.dot(vectors.pointer + v * items, images.pointer + w * items, count: items))
                small[w][v] = small[v][w]
            }
        }
        let (values, turned) = SymmetricMatrix.eigen(small)
        let leading = values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }[1...width]
        let factors = leading.map { w in
            (0..<count).map { Float(turned[$0][w] * max(0, values[w]).squareRoot()) }
        }
        for item in 0..<items where weight[item] > 0 {
            let row = out + item * width
            for (place, factor) in factors.enumerated() {
                var sum: Float = 0
                for v in 0..<count { sum += factor[v] * vectors.pointer[v * items + item] }
                row[place] = sum
            }
            let length = Kernels.dot(row, row, count: width).squareRoot()
            guard length > 1e-12 else { continue }
            for v in 0..<width { row[v] *= norm / length }
        }
    }

    /// Every vector by itself, so that the sums are the same at any number of threads.
    private func multiply(_ vectors: FloatBuffer, into images: FloatBuffer, _ count: Int) {
        // Safe: each vector is read and written by one worker alone.
        nonisolated(unsafe) let (from, to) = (vectors.pointer, images.pointer)
        pool.forEach(count) { v, _ in
            let (x, y) = (from + v * items, to + v * items)
            for i in 0..<items { y[i] = 0 }
            for u in 0..<starts.count - 1 {
                let own = starts[u]..<starts[u + 1]
                var sum: Float = 0
                for place in own { sum += x[Int(rows[place])] * weight[Int(rows[place])] }
                sum /= Float(max(1, own.count))
                for place in own { y[Int(rows[place])] += sum * weight[Int(rows[place])] }
            }
        }
    }

    /// Gram and Schmidt, twice, as once leaves too much where vectors are nearly alike.
    private func orthonormalise(_ vectors: FloatBuffer, _ count: Int) {
        for v in 0..<count {
            let x = vectors.pointer + v * items
            for _ in 0..<2 {
                for w in 0..<v {
                    let y = vectors.pointer + w * items
                    Kernels.add(y, times: -Kernels.dot(x, y, count: items), to: x, count: items)
                }
            }
            let length = Kernels.dot(x, x, count: items).squareRoot()
            guard length > 1e-12 else {
                // Fewer users than vectors: nothing is left in this direction.
                for i in 0..<items { x[i] = 0 }
                continue
            }
            for i in 0..<items { x[i] /= length }
        }
    }
}
