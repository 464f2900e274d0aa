import Baselines
import Evaluation
import Tensors

/// The methods that a model has to beat, each with the settings that papers or plain sense give it.
struct SimpleMethods {
    let set: EvaluationSet
    let kept: Int
    /// Above so many items EASE takes the most popular; 0 leaves it out.
    let easeItems: Int
    /// Leave-one-out has no instant, so "of the last days" means nothing there.
    let hasInstant: Bool

    func lists(_ context: RunContext) throws -> [ListedMethod] {
        let pool = context.pool, askers = set.askers, log = set.log
        let popular = PopularItems(log, days: hasInstant ? 14 : nil)
        var makers: [(what: String, make: () -> any Recommender)] = [
            ("popular items", { popular }), ("own frequency", { OwnFrequency(popular) }),
            ("item-item over users", { ItemItem(log, .users, popular: popular, pool: pool) }),
            ("item-item over sessions", { ItemItem(log, .sessions, popular: popular, pool: pool) }),
        ]
        if easeItems > 0 { makers.append(("EASE", { Ease(log, mostItems: easeItems, pool: pool) })) }
        makers.append(("TIFU-KNN", { TifuKNN(log, popular: popular) }))
        // One at a time, so that no two of them hold their tables at once.
        return try makers.map { what, make in
            try context.stage("lists by \(what)") { try lists(of: make(), askers, context) }
        }
    }

    private func lists(of method: some Recommender, _ askers: [Asker], _ context: RunContext) throws -> ListedMethod {
        var listed = ListedMethod(name: method.name, lists: [], novelLists: [])
        for begin in stride(from: 0, to: askers.count, by: Self.usersPerStep) {
            try context.safePoint()
            context.progress(begin, "users", total: askers.count)
            let step = Array(askers[begin..<min(begin + Self.usersPerStep, askers.count)])
            listed.lists += method.lists(step, wish: .anything, kept: kept, pool: context.pool)
            listed.novelLists += method.lists(step, wish: .novel, kept: kept, pool: context.pool)
        }
        return listed
    }

    private static let usersPerStep = 1024
}
