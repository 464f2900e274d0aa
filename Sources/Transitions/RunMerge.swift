import Domain
import Tensors

/// Makes one sorted run of many, adding up the counts of equal codes: what comes out does not depend on which run held
/// what.
struct RunMerge {
    /// More runs than this are merged in rounds, as each has a block in memory.
    private static let most = 16
    /// A merge in memory below this is not worth a second thread.
    private static let smallest = 1 << 16

    let memoryBytes: Int
    let folder: String
    let workers: Int

    /// - Parameter runs: let go of as they are merged.
    func merge(_ runs: [SortedRun]) throws(TemporaryFileError) -> SortedRun {
        var runs = runs.filter { $0.count > 0 }
        while runs.count > RunMerge.most {
            let first = Array(runs.prefix(RunMerge.most))
            runs.removeFirst(RunMerge.most)
            runs.append(try onDisk(first))
        }
        guard runs.count > 1 else { return runs.first ?? SortedRun([RunMemory]()) }
        let together = runs.reduce(0) { $0 + $1.count } * SortedRun.bytesPerCode
        guard runs.allSatisfy(\.isInMemory), together <= memoryBytes else { return try onDisk(runs) }
        return try inMemory(runs)
    }

    private func onDisk(_ runs: [SortedRun]) throws(TemporaryFileError) -> SortedRun {
        let file = try TemporaryFile(in: folder)
        let block = RunMemory(capacity: SortedRun.block)
        var count = 0
        var cursors: [RunCursor] = []
        for run in runs { cursors.append(try run.cursor()) }
        try RunMerge.merge(cursors) { code, n throws(TemporaryFileError) in
            block.append(code, n)
            guard block.count == SortedRun.block else { return }
            _ = try block.spill(to: file)
            count += block.count
            block.removeAll()
        }
        _ = try block.spill(to: file)
        return SortedRun(file, offset: 0, count: count + block.count)
    }

    /// Each worker merges the codes of a range of its own.
    private func inMemory(_ runs: [SortedRun]) throws(TemporaryFileError) -> SortedRun {
        let total = runs.reduce(0) { $0 + $1.count }
        var bounds: [UInt64] = [0, .max]
        if workers > 1, total >= RunMerge.smallest, let middle = runs.max(by: { $0.count < $1.count })?.middle {
            bounds.insert(middle, at: 1)
        }
        var parts: [(memory: RunMemory, cursors: [RunCursor])] = []
        for (lower, upper) in zip(bounds, bounds.dropFirst()) {
            var cursors: [RunCursor] = [], count = 0
            for run in runs {
                let cursor = try run.cursor(lower..<upper)
                count += cursor.remaining
                cursors.append(cursor)
            }
            parts.append((RunMemory(capacity: count), cursors))
        }
        WorkerPool(workers: workers).forEach(parts.count) { part, _ in
            let memory = parts[part].memory
            // A run in memory cannot fail to be read.
            try! RunMerge.merge(parts[part].cursors) { code, n in memory.append(code, n) }
        }
        return SortedRun(parts.map(\.memory))
    }

    private static func merge(
        _ all: [RunCursor], into body: (UInt64, UInt32) throws(TemporaryFileError) -> Void
    ) throws(TemporaryFileError) {
        var cursors = all.filter { !$0.isAtEnd }
        while !cursors.isEmpty {
            var code = cursors[0].code
            for i in 1..<max(1, cursors.count) { code = min(code, cursors[i].code) }
            var count: UInt32 = 0, hasEnded = false
            for i in cursors.indices where cursors[i].code == code {
                count += cursors[i].count
                try cursors[i].advance()
                if cursors[i].isAtEnd { hasEnded = true }
            }
            try body(code, count)
            if hasEnded { cursors.removeAll(where: \.isAtEnd) }
        }
    }
}
