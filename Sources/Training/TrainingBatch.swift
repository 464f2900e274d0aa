import Domain
import Model
import Tensors

/// One piece of a batch: packed users and what each of their sessions weighs as a target.
package struct TrainingPiece: Sendable {
    /// `batch.item` counts in slots of the batch's ``TrainingBatch/slots``.
    package var batch: PackedBatch
    /// `[C]`: weight of each session as a target; 0 is no target.
    package var weights: [Float]
}

/// Some users, cut into pieces that workers take, with the negatives and normalisers that the pieces share.
package struct TrainingBatch: Sendable {
    /// Gradients are summed up in so many shares of neighbouring pieces, whatever the number of threads, so that sums are
    /// always taken in the same order. Shares get smaller: who takes one late is soon done with it, and the others
    /// wait for less (trapezoid self-scheduling, Tzen and Ni 1993).
    package static let shareCount = 12
    /// Tokens of a piece, as far as users allow: what is computed of them stays in the second cache.
    private static let tokensPerPiece = 256

    package private(set) var pieces: [TrainingPiece]
    /// Vocabulary rows that the batch touches, ascending; tokens and negatives count in places of this list.
    package private(set) var slots: [Int32]
    /// `[R]`: slots of the items that all positions are contrasted with.
    package private(set) var negatives: [Int32]
    /// `[R]`: what is taken off each negative's logit (``NegativeSampler``); empty for nothing.
    package let corrections: [Float]
    /// Places in ``negatives`` of each slot: `negativePlaces[firstPlace[slot] ..< firstPlace[slot + 1]]`.
    package private(set) var firstPlace: [Int32]
    package private(set) var negativePlaces: [Int32]
    /// What its loss is made of.
    let terms: [LossTerm]
    /// Targets of each scene, per term in the order of cases: the loss of a scene is divided by them, so that a big scene drowns
    /// no small one. Of all scenes together, at each, where they are not normalised apart.
    private var normalisers: [[Float]]

    /// - Parameters:
    ///   - histories, weights: per user; weights per session.
    ///   - negatives: vocabulary rows.
    ///   - corrections: what is taken off each one's logit; empty for nothing.
    ///   - terms: of the loss.
    package init(
        _ histories: [TokenHistory], weights: [[Float]], negatives rows: [Int32], corrections: [Float] = [],
        terms: [LossTerm] = LossTerm.allCases, normalisesByScene: Bool = true, settings: ModelSettings,
        buckets: TimeBuckets, pool: WorkerPool = WorkerPool(workers: 1)
    ) {
        self.terms = terms
        precondition(corrections.isEmpty || corrections.count == rows.count, "one correction for each negative")
        self.corrections = corrections
        let cuts = TrainingBatch.cut(histories)
        pieces = [TrainingPiece](unsafeUninitializedCapacity: cuts.count) { made, count in
            // Safe: every place is written once, by whoever takes it.
            nonisolated(unsafe) let made = made
            pool.forEach(cuts.count) { p, _ in
                let users = cuts[p]
                (made.baseAddress! + p).initialize(
                    to: TrainingPiece(
                        batch: PackedBatch(histories[users], buckets: buckets), weights: Array(weights[users].joined()))
                )
            }
            count = cuts.count
        }
        let found = SortedRows(pieces.map(\.batch.item) + [rows])
        slots = found.distinct
        for p in pieces.indices { pieces[p].batch.item = found.places[p] }
        negatives = found.places[pieces.count]
        firstPlace = Array(repeating: 0, count: slots.count + 1)
        for slot in negatives { firstPlace[Int(slot) + 1] += 1 }
        for s in slots.indices { firstPlace[s + 1] += firstPlace[s] }
        var next = firstPlace
        negativePlaces = Array(repeating: 0, count: negatives.count)
        for (place, slot) in negatives.enumerated() {
            negativePlaces[Int(next[Int(slot)])] = Int32(place)
            next[Int(slot)] += 1
        }
        normalisers = LossTerm.allCases.map { _ in Array(repeating: 0, count: settings.scenes) }
        for piece in pieces { count(piece, horizons: settings.horizons) }
        guard !normalisesByScene else { return }
        normalisers = normalisers.map { Array(repeating: $0.reduce(0, +), count: $0.count) }
    }

    private mutating func count(_ piece: TrainingPiece, horizons: Int) {
        for m in 0..<horizons {
            for target in piece.targets(horizon: m) {
                for term in terms where term.applies(horizon: m, actions: piece.actions(of: target)) {
                    normalisers[term.rawValue][Int(piece.batch.scene[target])] += 1
                }
            }
        }
    }

    func normaliser(_ term: LossTerm, scene: Int) -> Float { normalisers[term.rawValue][scene] }

    /// Neighbouring users, up to ``tokensPerPiece`` tokens together.
    private static func cut(_ histories: [TokenHistory]) -> [Range<Int>] {
        var pieces: [Range<Int>] = [], begin = 0, tokens = 0
        for (i, history) in histories.enumerated() {
            if i > begin, tokens + history.tokens > tokensPerPiece {
                pieces.append(begin..<i)
                begin = i
                tokens = 0
            }
            tokens += history.tokens
        }
        if begin < histories.count { pieces.append(begin..<histories.count) }
        return pieces
    }

    /// The pieces that one of ``shareCount`` sums is taken over.
    func pieces(ofShare share: Int) -> Range<Int> {
        func end(_ shares: Int) -> Int {
            pieces.count * shares * (2 * Self.shareCount + 1 - shares) / (Self.shareCount * (Self.shareCount + 1))
        }
        return end(share)..<end(share + 1)
    }
}

/// The three contrasts of the loss: shown against random items, clicked against only shown, paid against not paid.
package enum LossTerm: Int, CaseIterable, Sendable {
    case shown, clicked, paid

    /// Which items of a session are drawn to its query; the others are what they are held against.
    func isPositive(_ action: UInt8) -> Bool {
        switch self {
        case .shown: true
        case .clicked: action >= Action.click.rawValue
        case .paid: action == Action.purchase.rawValue
        }
    }

    /// Preference is asked of the session at hand only, and where it has both sides.
    func applies(horizon: Int, actions: some Collection<UInt8>) -> Bool {
        guard self != .shown else { return !actions.isEmpty }
        return horizon == 0 && actions.contains(where: isPositive) && !actions.allSatisfy(isPositive)
    }
}

extension TrainingPiece {
    /// Context rows of the sessions that horizon `m` predicts: those with items, a weight, and a session `m` before.
    func targets(horizon m: Int) -> [Int] {
        (0..<batch.users).flatMap { u in
            (Int(batch.firstContext[u]) + m..<max(Int(batch.firstContext[u]) + m, Int(batch.firstContext[u + 1])))
                .filter {
                    weights[$0] > 0 && batch.firstItem[$0 + 1] > batch.firstItem[$0]
                }
        }
    }

    func actions(of context: Int) -> ArraySlice<UInt8> {
        batch.action[Int(batch.firstItem[context])..<Int(batch.firstItem[context + 1])]
    }
}
