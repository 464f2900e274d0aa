/// What ``HeadAttention`` and ``HeadGradient`` compute, written to be read: one head of one user, tokens in the order of time,
/// sums in `Double`.
package struct ReadableAttention {
    /// `[tokens]`: its session; whether it is the session's context token.
    package var session: [Int]
    package var isContext: [Bool]
    /// `[sessions, sessions]`: bucket of the time between two sessions.
    package var bucket: [[Int]]
    /// `[buckets]`.
    package var bias: [Float]
    package var scale: Double
    package var ropeBase: Double

    package init(
        session: [Int], isContext: [Bool], bucket: [[Int]], bias: [Float], scale: Double, ropeBase: Double
    ) {
        self.session = session
        self.isContext = isContext
        self.bucket = bucket
        self.bias = bias
        self.scale = scale
        self.ropeBase = ropeBase
    }

    /// A token sees earlier sessions, its own context token, and itself.
    package func sees(_ token: Int, _ other: Int) -> Bool {
        session[other] < session[token] || other == token || (session[other] == session[token] && isContext[other])
    }

    /// `Σ silu(q·k + bias) · scale · v` for every token; rows of queries and keys are turned here.
    package func attend(query: [[Float]], key: [[Float]], value: [[Float]]) -> [[Double]] {
        let turned = query.indices.map { turn(query[$0], $0) }, keys = key.indices.map { turn(key[$0], $0) }
        return query.indices.map { t in
            var sum = [Double](repeating: 0, count: value[t].count)
            for s in value.indices where sees(t, s) {
                let z = score(turned[t], keys[s], t, s), weight = z * ReadableKernels.sigmoid(z) * scale
                for j in sum.indices { sum[j] += weight * Double(value[s][j]) }
            }
            return sum
        }
    }

    /// The gradient of `Σ output · attend` in every query, key, value and bias.
    package func gradient(
        query: [[Float]], key: [[Float]], value: [[Float]], output: [[Float]]
    ) -> (query: [[Double]], key: [[Double]], value: [[Double]], bias: [Double]) {
        let turned = query.indices.map { turn(query[$0], $0) }, keys = key.indices.map { turn(key[$0], $0) }
        let zeros = query.map { $0.map { _ in 0.0 } }
        var dq = zeros, dk = zeros, dv = zeros, dbias = bias.map { _ in 0.0 }
        for t in query.indices {
            for s in key.indices where sees(t, s) {
                let z = score(turned[t], keys[s], t, s), share = ReadableKernels.sigmoid(z)
                let upstream = zip(output[t], value[s]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                let dz = upstream * (share + z * share * (1 - share)) * scale
                dbias[bucketOf(t, s)] += dz
                for j in dq[t].indices {
                    dq[t][j] += dz * keys[s][j]
                    dk[s][j] += dz * turned[t][j]
                    dv[s][j] += z * share * scale * Double(output[t][j])
                }
            }
        }
        // Turned back: a rotation's gradient is the rotation the other way.
        return (
            dq.indices.map { turn(dq[$0], $0, direction: -1) }, dk.indices.map { turn(dk[$0], $0, direction: -1) }, dv,
            dbias
        )
    }

    private func bucketOf(_ token: Int, _ other: Int) -> Int {
        session[token] == session[other] ? 0 : bucket[session[token]][session[other]]
    }

    private func score(_ query: [Double], _ key: [Double], _ token: Int, _ other: Int) -> Double {
        zip(query, key).reduce(Double(bias[bucketOf(token, other)])) { $0 + $1.0 * $1.1 }
    }

    private func turn(_ row: [some BinaryFloatingPoint], _ token: Int, direction: Double = 1) -> [Double] {
        ReadableKernels.rotate(row.map { Double($0) }, session: session[token], base: ropeBase, direction: direction)
    }
}
