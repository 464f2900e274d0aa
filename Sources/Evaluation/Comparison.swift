import Domain
import Tensors

/// What a user really did next, and what it is compared with.
package struct Target: Sendable {
    /// Distinct item rows of the next session.
    package var items: [Int32]
    /// Item rows of the whole history.
    package var seen: Set<Int32>
    package var userClass: UserClass
    package var scene: Int32

    package init(items: [Int32], seen: Set<Int32>, userClass: UserClass, scene: Int32) {
        self.items = items
        self.seen = seen
        self.userClass = userClass
        self.scene = scene
    }
}

/// The lists of one method, one for each target.
package struct ListedMethod: Sendable {
    package var name: String
    package var lists: [[Int32]]
    /// Lists that hold nothing of the history.
    package var novelLists: [[Int32]]

    package init(name: String, lists: [[Int32]], novelLists: [[Int32]]) {
        self.name = name
        self.lists = lists
        self.novelLists = novelLists
    }
}

/// Which items of a target are asked for.
package enum TargetPart: String, CaseIterable, Sendable {
    /// All of them, in lists that may repeat.
    case whole
    /// Those of the history, in the order in which the list has them.
    case `repeat`
    /// All others, in lists that hold nothing of the history.
    case novel
}

/// Methods held to the same targets: figures of every part, of groups of users, and of the catalogue.
package struct Comparison: Sendable {
    package let targets: [Target]
    package let methods: [ListedMethod]
    package let cutoffs: [Int]
    /// `[methods, parts]`
    private let metrics: [[RankingMetrics]]
    /// `[parts]`: the target of each row; users whose target has nothing of a part are left out of it.
    private let members: [[Int32]]
    /// `[methods, parts]`: means of every draw.
    private let draws: [[[[Double]]]]

    package init(
        _ methods: [ListedMethod], targets: [Target], cutoffs: [Int], resamples: Int, seed: UInt64, pool: WorkerPool
    ) {
        self.methods = methods
        self.targets = targets
        self.cutoffs = Set(cutoffs).sorted()
        let parts = TargetPart.allCases
        let truths = parts.map { part in targets.map { Self.truth(part, $0) } }
        let members = truths.map { truths in truths.indices.filter { !truths[$0].isEmpty }.map { Int32($0) } }
        let metrics = methods.map { method in
            precondition(
                method.lists.count == targets.count && method.novelLists.count == targets.count,
                "a list for each target")
            return parts.indices.map { part in
                var metrics = RankingMetrics(cutoffs: cutoffs)
                for user in members[part].map({ Int($0) }) {
                    metrics.add(
                        list: Self.list(parts[part], method, user, targets[user]), truth: truths[part][user])
                }
                return metrics
            }
        }
        let tables = metrics.flatMap { Array(zip($0, members)) }
        let means = Bootstrap(users: targets.count, resamples: resamples, seed: seed)
            .means(of: tables.map { (metrics: $0.0, users: $0.1) }, pool: pool)
        draws = methods.indices.map { method in parts.indices.map { means[method * parts.count + $0] } }
        self.members = members
        self.metrics = metrics
    }

    /// Names of the figures, in the order of all that follows.
    package var names: [String] { RankingMetrics(cutoffs: cutoffs).names }

    /// How many users have something of a part.
    package func users(_ part: TargetPart) -> Int { members[Self.place(part)].count }

    package func means(_ method: Int, _ part: TargetPart) -> [Double] {
        metrics[method][Self.place(part)].means.map(\.value)
    }

    /// Means over the users of some targets, and how many they are.
    package func means(
        _ method: Int, _ part: TargetPart, where isMember: (Target) -> Bool
    ) -> (users: Int, means: [Double]) {
        let place = Self.place(part)
        let chosen = members[place].map { isMember(targets[Int($0)]) ? 1 : 0 }
        return (chosen.reduce(0, +), metrics[method][place].weightedMeans { chosen[$0] })
    }

    /// Where a mean lies with 95 %; nil without draws.
    package func interval(_ method: Int, _ part: TargetPart, figure: Int) -> Interval? {
        Bootstrap.interval(draws[method][Self.place(part)].map { $0[figure] })
    }

    /// By how much one method is above another, and where that lies with 95 %.
    package func difference(
        _ method: Int, over other: Int, _ part: TargetPart, figure: Int
    ) -> (mean: Double, interval: Interval?) {
        let place = Self.place(part)
        let each = zip(draws[method][place], draws[other][place]).map { $0[figure] - $1[figure] }
        return (means(method, part)[figure] - means(other, part)[figure], Bootstrap.interval(each))
    }

    /// The best of the methods from one on, by one figure; nil where there is none.
    package func best(from first: Int, _ part: TargetPart, figure: Int) -> Int? {
        methods.indices[first...].max { means($0, part)[figure] < means($1, part)[figure] }
    }

    /// - Parameter items: `N`, the size of the catalogue.
    package func exposure(_ method: Int, items: Int) -> ItemExposure {
        var exposure = ItemExposure(items: items)
        for list in methods[method].lists { exposure.add(list.prefix(cutoffs.last ?? 0)) }
        return exposure
    }

    private static func place(_ part: TargetPart) -> Int { TargetPart.allCases.firstIndex(of: part)! }

    private static func truth(_ part: TargetPart, _ target: Target) -> [Int32] {
        switch part {
        case .whole: target.items
        case .repeat: target.items.filter { target.seen.contains($0) }
        case .novel: target.items.filter { !target.seen.contains($0) }
        }
    }

    private static func list(_ part: TargetPart, _ method: ListedMethod, _ user: Int, _ target: Target) -> [Int32] {
        switch part {
        case .whole: method.lists[user]
        case .repeat: method.lists[user].filter { target.seen.contains($0) }
        case .novel: method.novelLists[user]
        }
    }
}
