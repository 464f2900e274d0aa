import Domain
import Glibc
import Snapshots

/// A release drawn from a seed, and what a snapshot file of it must answer.
struct DrawnSnapshot {
    var facts: SnapshotFacts
    var users: [(key: ExternalID, payload: [UInt8])]
    /// Keys that are nobody's.
    var strangers: [ExternalID]
    var items: [ExternalID]
    var clusters: [String]
    var transitions: [(key: Int64, payload: [UInt8])]
    var fallback: [UInt8]
    var dictionary: [UInt8]

    init(
        users userType: IDType = .bigint, items itemType: IDType = .bigint, seed: UInt64, count: Int = 60,
        payload: ClosedRange<Int> = 0...60, release: Int = 7
    ) {
        var draw = SeededGenerator(seed: seed, stream: 0x5A4B)
        func bytes(_ lengths: ClosedRange<Int>) -> [UInt8] {
            (0..<(lengths.lowerBound + draw.below(lengths.count))).map { _ in UInt8(truncatingIfNeeded: draw.next()) }
        }
        facts = SnapshotFacts(
            release: release, model: "model \(seed) é", asOf: Int64(seed) * 1_000_003, serveAt: 2_000_000,
            createdAt: -5,
            publishedAt: seed % 2 == 0 ? nil : 3_000_000, userType: userType, itemType: itemType)
        users = (0..<count).map { (key(userType, 3 * $0), bytes(payload)) }
        users.shuffle(using: &draw)
        strangers = (0..<count).map { key(userType, 3 * $0 + 1) }
        items = (0..<40).map { key(itemType, $0) }
        clusters = (0..<9).map { "cluster \($0) ü" }
        transitions = [Int64](arrayLiteral: 0, 1, 5, 1 << 32 | 2, .max, -4).map { ($0, bytes(payload)) }
        fallback = bytes(20...30)
        dictionary = bytes(50...60)
    }

    func writer(_ path: String) throws(SnapshotWriteError) -> SnapshotWriter {
        let writer = try SnapshotWriter(path: path, facts: facts)
        for user in users { try writer.add(user: user.key, payload: user.payload) }
        for item in items { try writer.add(item: item) }
        for cluster in clusters { writer.add(cluster: cluster) }
        for transition in transitions { writer.add(transition: transition.key, payload: transition.payload) }
        writer.set(fallback: fallback)
        writer.set(payloadDictionary: dictionary)
        return writer
    }

    @discardableResult
    func write(_ path: String) throws(SnapshotWriteError) -> Int { try writer(path).finish() }
}

/// A key of this type that needs care: signs, both halves of a uuid, no letters at all, letters of several bytes.
func key(_ type: IDType, _ number: Int) -> ExternalID {
    switch type {
    case .int: .integer(Int64(Int32.min) + Int64(number))
    case .bigint: .integer(Int64.max - Int64(number))
    case .uuid: .uuid(UUIDKey(high: UInt64(number) &* 0x9e37_79b9_7f4a_7c15, low: ~UInt64(number)))
    case .text: .text(number == 0 ? "" : String(repeating: "é\(number)", count: 1 + number % 50))
    }
}

/// A folder of its own for one test, removed when the test lets go.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("/tmp/nearline-snapshots-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
    }

    deinit {
        for name in names { unlink(path + "/" + name) }
        rmdir(path)
    }

    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func file(_ name: String) -> String { path + "/" + name }
}

func contents(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    precondition(descriptor >= 0, "the test wrote \(path)")
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    precondition(read(descriptor, &bytes, bytes.count) == bytes.count)
    return bytes
}

func write(_ bytes: [UInt8], to path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    precondition(descriptor >= 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    close(descriptor)
}

/// The error that `body` throws, if it is of this type.
func thrown<E: Error>(_ type: E.Type, _ body: () throws -> Void) -> E? {
    do {
        try body()
        return nil
    } catch {
        return error as? E
    }
}

extension Snapshot {
    /// The payload as an array.
    func bytes(of user: ExternalID) throws -> [UInt8]? { try withPayload(of: user) { $0.map { Array($0) } } }
}
