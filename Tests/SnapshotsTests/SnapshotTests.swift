import Checksum
import Domain
import Snapshots
import Testing

/// What was written comes out again.
@Suite struct SnapshotTests {
    private let folder = TemporaryFolder()

    @Test(arguments: IDType.allCases, IDType.allCases)
    func aFileAnswersWithWhatWasWritten(_ userType: IDType, _ itemType: IDType) throws {
        let drawn = DrawnSnapshot(users: userType, items: itemType, seed: 3, count: 700)
        try drawn.write(folder.file("a"))
        let snapshot = try Snapshot(path: folder.file("a"))
        #expect(snapshot.facts == drawn.facts)
        #expect(snapshot.users == 700)
        for user in drawn.users { #expect(try snapshot.bytes(of: user.key) == user.payload) }
        for stranger in drawn.strangers { #expect(try snapshot.bytes(of: stranger) == nil) }
        #expect((0..<40).map { snapshot.item($0) } == drawn.items)
        #expect(snapshot.item(40) == nil && snapshot.item(-1) == nil)
        #expect((0..<9).map { snapshot.clusterName($0) } == drawn.clusters)
        #expect(snapshot.clusterName(9) == nil)
        for (key, payload) in drawn.transitions { #expect(snapshot.transition(key).map { Array($0) } == payload) }
        #expect(snapshot.transition(2) == nil && snapshot.transition(.min) == nil)
        #expect(snapshot.fallback.map { Array($0) } == drawn.fallback)
        #expect(snapshot.payloadDictionary.map { Array($0) } == drawn.dictionary)
        try snapshot.verify()
    }

    @Test(arguments: 0..<30) func anyNumberOfUsersIsFound(_ count: Int) throws {
        let drawn = DrawnSnapshot(users: .int, seed: UInt64(count), count: count)
        try drawn.write(folder.file("a"))
        let snapshot = try Snapshot(path: folder.file("a"))
        for user in drawn.users { #expect(try snapshot.bytes(of: user.key) == user.payload) }
        for stranger in drawn.strangers { #expect(try snapshot.bytes(of: stranger) == nil) }
        try snapshot.verify()
    }

    @Test func anEmptyReleaseIsAFileToo() throws {
        var drawn = DrawnSnapshot(seed: 1, count: 0)
        (drawn.items, drawn.clusters, drawn.transitions, drawn.fallback, drawn.dictionary) = ([], [], [], [], [])
        try drawn.write(folder.file("a"))
        let snapshot = try Snapshot(path: folder.file("a"))
        #expect(try snapshot.bytes(of: .integer(1)) == nil)
        #expect(snapshot.fallback == nil && snapshot.payloadDictionary == nil)
        #expect(snapshot.items == 0 && snapshot.clusters == 0 && snapshot.transitions == 0)
        try snapshot.verify()
    }

    @Test func theSameCallsGiveTheSameBytes() throws {
        let drawn = DrawnSnapshot(users: .text, seed: 4)
        try drawn.write(folder.file("a"))
        try drawn.write(folder.file("b"))
        #expect(contents(folder.file("a")) == contents(folder.file("b")))
    }

    /// What DESIGN promises: key, index and checks take little beside the lists.
    @Test func aUserTakesAtMost26BytesMoreThanThePayload() throws {
        let count = 20_000
        var drawn = DrawnSnapshot(seed: 5, count: count, payload: 300...400)
        drawn.items = []
        let bytes = try drawn.write(folder.file("a"))
        let payloads = drawn.users.reduce(0) { $0 + $1.payload.count }
        #expect(Double(bytes - payloads) / Double(count) <= 26)
    }

    @Test func aKeyOfAnotherTypeIsAnErrorAndOneTooLargeIsNobodys() throws {
        try DrawnSnapshot(users: .int, seed: 6).write(folder.file("a"))
        let snapshot = try Snapshot(path: folder.file("a"))
        #expect(
            thrown(SnapshotError.self) { _ = try snapshot.payload(of: .text("1")) }
                == .wrongKeyType(path: folder.file("a"), users: .int))
        // Cut to 32 bits it would be the first user of all.
        #expect(try snapshot.bytes(of: .integer(Int64(Int32.min) - 1 << 32)) == nil)
        #expect(try snapshot.bytes(of: .integer(Int64(Int32.min))) != nil)
    }

    @Test func aStrangerWhoseSlotLooksLikeAUsersIsStillAStranger() throws {
        let user = ExternalID.integer(1)
        let writer = try SnapshotWriter(path: folder.file("a"), facts: DrawnSnapshot(seed: 7).facts)
        try writer.add(user: user, payload: [1, 2, 3])
        try writer.finish()
        func hash(_ key: Int64) -> UInt64 { withUnsafeBytes(of: key.bigEndian) { Checksum.xxh3($0) } }
        // The slot has 24 bits of the hash, and the highest bit says where to begin.
        let mask: UInt64 = 1 << 63 | 0xFF_FFFF
        let wanted = hash(1) & mask
        let stranger = try #require((2...(Int64(1) << 30)).first { hash($0) & mask == wanted })
        let snapshot = try Snapshot(path: folder.file("a"))
        #expect(try snapshot.bytes(of: .integer(stranger)) == nil)
        #expect(try snapshot.bytes(of: user) == [1, 2, 3])
    }

    @Test func threadsReadOneSnapshotAtOnce() async throws {
        let drawn = DrawnSnapshot(seed: 8, count: 2000)
        try drawn.write(folder.file("a"))
        let snapshot = try Snapshot(path: folder.file("a"))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask { try drawn.users.allSatisfy { try snapshot.bytes(of: $0.key) == $0.payload } }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }
}
