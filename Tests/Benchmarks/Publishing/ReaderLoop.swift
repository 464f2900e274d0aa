import Domain
import Foundation
import Snapshots

/// One reader at full speed on a thread of its own, from the first list to the last.
final class ReaderLoop: @unchecked Sendable {
    let kind: ReaderKind
    private let lock = NSLock()
    private var record = ReaderRecord()
    private let isOver = Flag()
    private var worker: Worker!

    init(_ kind: ReaderKind, users: Int, database: String, folder: SnapshotFolder, timeline: Timeline, seed: UInt64) {
        self.kind = kind
        worker = Worker { [self] in
            var draw = SeededGenerator(seed: seed, stream: 0x4ead)
            var reader = try ListReader(kind, database: database, folder: folder)
            while !isOver.isRaised {
                let user = draw.below(users), start = Timeline.now
                let answer = Result { try reader.read(user) }
                let end = Timeline.now
                lock.withLock { take(answer, user, start, end, timeline) }
                // What its connection was in the middle of is not known: begin anew.
                if case .failure = answer { reader = try ListReader(kind, database: database, folder: folder) }
            }
        }
    }

    private func take(
        _ answer: Result<Answer, any Error>, _ user: Int, _ start: UInt64, _ end: UInt64, _ timeline: Timeline
    ) {
        record.latencies.add(end - start)
        switch answer {
        case .failure(let error):
            record.errors += 1
            record.note("\(kind.rawValue): \(error)")
        case .success((_, let fault?)):
            record.wrong += 1
            record.note("\(kind.rawValue): \(fault)")
        case .success((let release, nil)):
            record.releases.insert(release)
            guard !timeline.wasCurrent(release, from: start, to: end) else { return }
            record.stale += 1
            record.note("\(kind.rawValue): release \(release), which was not current")
        }
    }

    /// What it met since the last call.
    func takeRecord() -> ReaderRecord {
        lock.withLock {
            defer { record = ReaderRecord() }
            return record
        }
    }

    func end() throws {
        isOver.raise()
        try worker.join()
    }
}
