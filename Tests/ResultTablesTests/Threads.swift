import Foundation

/// Runs `body` on threads of its own, all at once, and waits for them: database calls block, and a pool of two would not
/// overlap them.
func inThreads<Result: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) throws -> Result
) -> [Swift.Result<Result, any Error>] {
    let results = Results<Result>(count)
    let group = DispatchGroup()
    for number in 0..<count {
        group.enter()
        Thread.detachNewThread {
            results.set(number, Swift.Result { try body(number) })
            group.leave()
        }
    }
    group.wait()
    return results.all
}

private final class Results<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var values: [Swift.Result<Value, any Error>?]

    init(_ count: Int) { values = Array(repeating: nil, count: count) }

    func set(_ place: Int, _ value: Swift.Result<Value, any Error>) { lock.withLock { values[place] = value } }

    var all: [Swift.Result<Value, any Error>] { lock.withLock { values.map { $0! } } }
}

/// Something that one thread says once and others look at.
final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var raised = false

    var isRaised: Bool { lock.withLock { raised } }

    func raise() { lock.withLock { raised = true } }

    /// Waits for it, ten seconds at most.
    func waits() -> Bool {
        for _ in 0..<10_000 where !isRaised { usleep(1000) }
        return isRaised
    }
}
