import Domain

/// One engaged event on its way from the order of the table to that of users.
struct EngagedRecord<User: PackedKey> {
    var user: User
    /// Microseconds since 1970.
    var time: Int64
    /// A number of the worker's own, until all workers' items are known.
    var item: Int32
    var scene: Int32
}

/// The events that one worker read, apart by a hash of the user: in memory while that has room, else on disk.
final class EngagedPartitions<User: PackedKey>: @unchecked Sendable {
    typealias Record = EngagedRecord<User>

    static var partitions: Int { 256 }
    private static var chunk: Int { 256 }

    /// `[partitions]`: the chunk that is being filled.
    private let open: UnsafeMutableBufferPointer<UnsafeMutablePointer<Record>>
    private let used: UnsafeMutableBufferPointer<Int>
    private var full: [[UnsafeMutablePointer<Record>]]
    private var spilled: [[Int]]
    private var file: TemporaryFile?
    private var chunksLeft: Int
    private let folder: String

    init(memoryBytes: Int, folder: String) {
        let chunkBytes = Self.chunk * MemoryLayout<Record>.stride
        chunksLeft = memoryBytes / chunkBytes - Self.partitions
        self.folder = folder
        open = .allocate(capacity: Self.partitions)
        used = .allocate(capacity: Self.partitions)
        _ = open.initialize(from: (0..<Self.partitions).map { _ in .allocate(capacity: Self.chunk) })
        used.initialize(repeating: 0)
        full = Array(repeating: [], count: Self.partitions)
        spilled = Array(repeating: [], count: Self.partitions)
    }

    deinit {
        for chunk in open { chunk.deallocate() }
        for chunk in full.joined() { chunk.deallocate() }
        open.deallocate()
        used.deallocate()
    }

    @inline(__always)
    func append(_ record: Record) throws(TemporaryFileError) {
        // The lowest bits, as the tables of keys use the highest.
        let partition = Int(truncatingIfNeeded: record.user.mixed) & (Self.partitions - 1)
        let place = used[partition]
        (open[partition] + place).initialize(to: record)
        used[partition] = place &+ 1
        if place &+ 1 == Self.chunk { try close(partition) }
    }

    func count(_ partition: Int) -> Int {
        used[partition] + Self.chunk * (full[partition].count + spilled[partition].count)
    }

    /// Moves a partition's events to `place`, which has room for them, and forgets them.
    func take(_ partition: Int, into place: UnsafeMutablePointer<Record>) throws(TemporaryFileError) {
        var place = place
        // Forgotten at once: where a file cannot be read below, they are not to be freed again.
        let chunks = full[partition]
        full[partition] = []
        for chunk in chunks {
            place.initialize(from: chunk, count: Self.chunk)
            place += Self.chunk
            chunk.deallocate()
        }
        for offset in spilled[partition] {
            let bytes = UnsafeMutableRawBufferPointer(
                start: place, count: Self.chunk * MemoryLayout<Record>.stride)
            try file!.read(into: bytes, at: offset)
            place += Self.chunk
        }
        place.initialize(from: open[partition], count: used[partition])
        spilled[partition] = []
        used[partition] = 0
    }

    private func close(_ partition: Int) throws(TemporaryFileError) {
        used[partition] = 0
        if chunksLeft > 0 {
            chunksLeft -= 1
            full[partition].append(open[partition])
            open[partition] = .allocate(capacity: Self.chunk)
            return
        }
        if file == nil { file = try TemporaryFile(in: folder) }
        let bytes = UnsafeRawBufferPointer(
            start: open[partition], count: Self.chunk * MemoryLayout<Record>.stride)
        spilled[partition].append(try file!.append(bytes))
    }
}
