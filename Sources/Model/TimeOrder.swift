import Tensors

/// The tokens of each user of a batch in the order of time: each session's context token, then its items.
package final class TimeOrder {
    private var order: [Int32] = []
    private var session: [Int32] = []
    private var first: [Int32] = []
    private var longest = 0

    package init() {}

    package func cover(_ batch: PackedBatch) {
        // In hand: as properties of a class they would be looked after at every token.
        var order: [Int32] = [], session: [Int32] = [], first: [Int32] = []
        swap(&order, &self.order)
        swap(&session, &self.session)
        swap(&first, &self.first)
        order.removeAll(keepingCapacity: true)
        session.removeAll(keepingCapacity: true)
        first.removeAll(keepingCapacity: true)
        let C = Int32(batch.contexts)
        longest = 0
        for user in 0..<batch.users {
            let begin = Int(batch.firstContext[user]), end = Int(batch.firstContext[user + 1]), base = order.count
            for c in begin..<end {
                first.append(Int32(order.count - base))
                order.append(Int32(c))
                session.append(Int32(c - begin))
                for i in batch.firstItem[c]..<batch.firstItem[c + 1] {
                    order.append(C + i)
                    session.append(Int32(c - begin))
                }
            }
            first.append(Int32(order.count - base))
            longest = max(longest, order.count - base)
        }
        swap(&order, &self.order)
        swap(&session, &self.session)
        swap(&first, &self.first)
    }

    /// What is handed to `body` is good inside it only.
    package func forEachUser(_ batch: PackedBatch, _ body: (SessionTokens) -> Void) {
        let places = Array(0..<Int32(longest))
        order.withUnsafeBufferPointer { order in
            session.withUnsafeBufferPointer { session in
                first.withUnsafeBufferPointer { first in
                    places.withUnsafeBufferPointer { places in
                        batch.pairBucket.withUnsafeBufferPointer { buckets in
                            guard let order = order.baseAddress, let session = session.baseAddress,
                                let first = first.baseAddress, let places = places.baseAddress,
                                let buckets = buckets.baseAddress
                            else { return }
                            walk(batch, order, session, first, places, buckets, body)
                        }
                    }
                }
            }
        }
    }

    private func walk(
        _ batch: PackedBatch, _ order: UnsafePointer<Int32>, _ session: UnsafePointer<Int32>,
        _ first: UnsafePointer<Int32>, _ places: UnsafePointer<Int32>, _ buckets: UnsafePointer<UInt8>,
        _ body: (SessionTokens) -> Void
    ) {
        var token = 0, context = 0
        for user in 0..<batch.users {
            let sessions = Int(batch.firstContext[user + 1] - batch.firstContext[user])
            let tokens = Int(first[context + sessions])
            if sessions > 0 {
                body(
                    SessionTokens(
                        number: user, tokens: tokens, sessions: sessions, order: order + token,
                        session: session + token,
                        first: first + context, places: places, bucket: buckets + batch.firstPair[user]))
            }
            token += tokens
            context += sessions + 1
        }
    }
}
