import Dispatch
import Synchronization

/// Runs numbered pieces of work on all cores; each worker owns its scratch space and results go to their piece's place,
/// so what comes out does not depend on how many workers there were.
package struct WorkerPool: Sendable {
    package let workers: Int

    package init(workers: Int) { self.workers = max(1, workers) }

    /// Calls `body(piece, worker)` once for every piece below `count`; pieces are taken in order by whoever is free.
    package func forEach(_ count: Int, _ body: (_ piece: Int, _ worker: Int) -> Void) {
        guard count > 1, workers > 1 else {
            for piece in 0..<count { body(piece, 0) }
            return
        }
        let next = Atomic<Int>(0)
        withoutActuallyEscaping(body) { body in
            // Safe: concurrentPerform returns only when every call has, and pieces share nothing that they write.
            nonisolated(unsafe) let work = body
            DispatchQueue.concurrentPerform(iterations: min(workers, count)) { worker in
                while true {
                    let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    if piece >= count { return }
                    work(piece, worker)
                }
            }
        }
    }
}
