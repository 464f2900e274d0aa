import Domain

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Thins long histories for one pass of training, so that what a pass costs grows more slowly than the histories (stochastic
/// length of HSTU, arXiv:2402.17152): of n tokens more than N^(alpha/2) are cut to that many, but once in n² / N^alpha passes.
package struct StochasticLength {
    /// Tokens that are always kept.
    package let kept: Int

    /// - Parameters:
    ///   - tokens: `N`, the longest history.
    ///   - alpha: between 1, where that is the root of it, and 2, where nothing is cut.
    package init(tokens: Int, alpha: Double) {
        kept = alpha >= 2 ? Int.max : max(1, Int(pow(Double(tokens), alpha / 2)))
    }

    /// Sessions drawn from all of the history, in their order, as many as fit; the newest is always among them, because what
    /// comes at serving comes after it.
    package func cut(_ history: TokenHistory, _ draw: inout SeededGenerator) -> TokenHistory {
        guard let numbers = numbers(history, &draw) else { return history }
        let kept = Set(numbers)
        return history.keeping { kept.contains($0) }
    }

    /// The numbers of those sessions, ascending; nil for all.
    package func numbers(_ history: TokenHistory, _ draw: inout SeededGenerator) -> [Int]? {
        let tokens = history.tokens
        guard tokens > kept else { return nil }
        let share = Double(kept) / Double(tokens)
        guard draw.uniform() >= share * share else { return nil }
        let last = history.sessions.count - 1
        var order = Array(0..<last), chosen = [last], room = kept - 1 - Int(history.sessions[last].items)
        for i in order.indices.reversed() {
            order.swapAt(i, draw.below(i + 1))
            let size = 1 + Int(history.sessions[order[i]].items)
            guard size <= room else { continue }
            room -= size
            chosen.append(order[i])
        }
        return chosen.sorted()
    }
}
