/// Keys by how often they were seen: rare ones change by chance alone.
package enum SupportClass: Int, CaseIterable, Sendable {
    case rare, few, many, frequent

    package init(_ support: Int) {
        switch support {
        case ...2: self = .rare
        case ...9: self = .few
        case ...99: self = .many
        default: self = .frequent
        }
    }

    package var label: String { ["1-2", "3-9", "10-99", "100+"][rawValue] }
}

/// How much of the keys' top successors two tables share: the size of the intersection over that of the union (IoU).
package struct TransitionOverlap: Equatable, Sendable {
    package struct Mean: Equatable, Sendable {
        package fileprivate(set) var keys = 0
        fileprivate var sum = 0.0
        /// 0 where there is no key.
        package var value: Double { keys > 0 ? sum / Double(keys) : 0 }
    }

    /// By ``SupportClass`` of the newer table; keys that both tables have.
    package private(set) var means = [Mean](repeating: Mean(), count: SupportClass.allCases.count)
    /// Keys that only the newer table has.
    package private(set) var appeared = 0
    /// Keys that only the older table has.
    package private(set) var vanished = 0
    private var weightedSum = 0.0
    private var weight = 0

    package init() {}

    /// Over all keys alike, as the paper has it; nil where the tables share none.
    package var mean: Double? {
        let keys = means.reduce(0) { $0 + $1.keys }
        return keys > 0 ? means.reduce(0) { $0 + $1.sum } / Double(keys) : nil
    }

    /// By the keys' support: what a user meets. Nil where the tables share no key.
    package var weightedMean: Double? { weight > 0 ? weightedSum / Double(weight) : nil }

    package subscript(support: SupportClass) -> Mean { means[support.rawValue] }

    /// Compares one key; an empty side means that a table does not have it.
    ///
    /// - Parameter support: of the key in the newer table.
    package mutating func add(now: [Int32], then: [Int32], support: Int) {
        guard !now.isEmpty || !then.isEmpty else { return }
        guard !now.isEmpty else { return vanished += 1 }
        guard !then.isEmpty else { return appeared += 1 }
        let shared = now.reduce(0) { $0 + (then.contains($1) ? 1 : 0) }
        let overlap = Double(shared) / Double(now.count + then.count - shared)
        means[SupportClass(support).rawValue].keys += 1
        means[SupportClass(support).rawValue].sum += overlap
        weightedSum += overlap * Double(support)
        weight += support
    }
}

/// How the top successors differ from those as of some days ago, by the same occurrences.
///
/// Everybody's key is left out: it is one among many.
/// Source: arXiv:2510.20260, where month over month the top five of a pair overlap by 0.17.
package struct TransitionChurn: Sendable {
    package let top: Int
    package let lags: [Int]
    /// `[lags]`
    package internal(set) var overlaps: [TransitionOverlap]

    init(top: Int, lags: [Int]) {
        self.top = top
        self.lags = lags
        overlaps = lags.map { _ in TransitionOverlap() }
    }

    /// After how many days to build again.
    ///
    /// - Parameter overlap: the IoU, weighted by support, that the table in use shall not fall below.
    package func refresh(keeping overlap: Double = 0.8) -> RefreshInterval {
        RefreshInterval(
            zip(lags, overlaps).compactMap { days, found in found.weightedMean.map { (days, $0) } }, keeping: overlap)
    }

    /// How a table differs from another build's, such as the one that it replaces.
    ///
    /// - Parameter previous: keys of the same scene with their successors, best first.
    package static func overlap(
        of table: TransitionTable, with previous: some Sequence<(key: Int64, clusters: [Int32])>, top: Int = 5
    ) -> TransitionOverlap {
        var overlap = TransitionOverlap(), met = 0
        for (key, clusters) in previous where key & ~(0xffff << 16) != 0 {
            let row = table.row(TransitionKey(rawValue: key))
            if row != nil { met += 1 }
            overlap.add(
                now: row.map { $0.successors.prefix(top).map(\.cluster) } ?? [], then: Array(clusters.prefix(top)),
                support: row?.support ?? 0)
        }
        let others = (0..<table.count).filter { table.keys[$0] & ~(0xffff << 16) != 0 }.count
        overlap.appear(others - met)
        return overlap
    }
}

extension TransitionOverlap {
    fileprivate mutating func appear(_ keys: Int) { appeared += keys }
}
