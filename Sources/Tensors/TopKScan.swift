import CKernels

/// The best rows of a packed matrix for some queries at a time; scratch space of one worker.
package final class TopKScan: @unchecked Sendable {
    private let kept: Int
    private let capacity: Int
    private let scores = FloatBuffer()
    private let sample = FloatBuffer()
    /// Bytes and bounds of the queries, for a first pass.
    private let queryBytes = FloatBuffer()
    private let queryBounds = FloatBuffer()
    private var places: [Int32] = []
    private var keys: [UInt64]
    private var users: [nearline_top_k_user] = []

    /// - Parameter kept: `K`, rows of a list.
    package init(kept: Int) {
        self.kept = kept
        capacity = nearline_top_k_capacity(kept)
        keys = Array(repeating: 0, count: 2 * capacity)
    }

    /// The `kept` columns of `items` with the largest products for each of `count` queries; equal ones by rising column.
    ///
    /// - Parameters:
    ///   - queries: `[count, D]`, finite.
    ///   - items: `[D, N]`.
    ///   - coarse: made of them, for a first pass; the same comes out without.
    ///   - denied: columns that must not be listed, one user's after another, each user's in rising order; user `u`'s are
    ///     `denied[firstDenied[u] ..< firstDenied[u + 1]]`.
    ///   - deliver: is given the number of the query, columns and products, best first; good inside it only.
    package func run(
        _ queries: Floats, count: Int, items: PackedMatrix, coarse: CoarseMatrix? = nil, denied: [Int32],
        firstDenied: [Int],
        deliver: (_ query: Int, _ columns: UnsafeBufferPointer<Int32>, _ products: UnsafeBufferPointer<Float>) -> Void
    ) {
        guard kept > 0 else {
            for query in 0..<count { deliver(query, .init(start: nil, count: 0), .init(start: nil, count: 0)) }
            return
        }
        let scores = scores.reserve(count * capacity)
        if places.count < count * capacity { places = Array(repeating: 0, count: count * capacity) }
        let floatsOfBytes = coarse == nil ? 0 : count * nearline_coarse_width(items.inner) / 4
        let queryBytes = UnsafeMutableRawPointer(queryBytes.reserve(floatsOfBytes))
        let queryBounds = queryBounds.reserve(coarse == nil ? 0 : 5 * (count + 15))
        if users.count < count { users = Array(repeating: nearline_top_k_user(), count: count) }
        places.withUnsafeMutableBufferPointer { places in
            keys.withUnsafeMutableBufferPointer { keys in
                users.withUnsafeMutableBufferPointer { users in
                    denied.withUnsafeBufferPointer { denied in
                        for u in 0..<count {
                            users[u] = nearline_top_k_user(
                                threshold: -.infinity, count: 0,
                                denied_begin: denied.baseAddress.map { $0 + firstDenied[u] },
                                denied: denied.baseAddress.map { $0 + firstDenied[u] },
                                denied_end: denied.baseAddress.map { $0 + firstDenied[u + 1] })
                        }
                        var job = nearline_top_k_job(
                            queries: queries, panels: items.panels.pointer, users: count, width: items.inner,
                            items: items.columns, kept: kept, capacity: capacity, state: users.baseAddress,
                            scores: scores, places: places.baseAddress, keys: keys.baseAddress,
                            sample: sample.reserve(6 * nearline_top_k_sample(items.columns, kept)),
                            coarse: coarse?.parts ?? nearline_coarse(),
                            query_bytes: queryBytes.assumingMemoryBound(to: UInt8.self),
                            query_bounds: queryBounds)
                        nearline_top_k(&job)
                        for u in 0..<count {
                            let found = Int(users[u].count)
                            deliver(
                                u,
                                UnsafeBufferPointer(
                                    rebasing: UnsafeBufferPointer(places)[u * capacity..<u * capacity + found]),
                                UnsafeBufferPointer(start: scores + u * capacity, count: found))
                        }
                    }
                }
            }
        }
    }
}
