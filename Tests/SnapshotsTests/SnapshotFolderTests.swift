import Domain
import Glibc
import Snapshots
import Testing

/// One link says what is served, and moving it harms no reader.
@Suite struct SnapshotFolderTests {
    private let temporary = TemporaryFolder()
    private let folder: SnapshotFolder

    init() { folder = SnapshotFolder(temporary.path) }

    private func write(_ release: Int) throws {
        try DrawnSnapshot(seed: UInt64(release), release: release).write(folder.file(of: release))
    }

    @Test func readersFollowTheLink() throws {
        #expect(
            thrown(SnapshotError.self) { _ = try folder.openCurrent() } == .nothingPublished(folder: temporary.path))
        for release in [9, 10] { try write(release) }
        #expect(try folder.list() == [9, 10])
        #expect(try folder.current() == nil)
        try folder.follow(9)
        let old = try folder.openCurrent()
        #expect(old.facts.release == 9 && folder.isCurrent(old))
        try folder.follow(10)
        #expect(try folder.current() == 10)
        #expect(!folder.isCurrent(old))
        #expect(try folder.openCurrent().facts.release == 10)
        #expect(temporary.names == ["current.nearline", "release-10.nearline", "release-9.nearline"])
    }

    @Test func aFileWrittenAnewUnderTheSameNameIsNotTheOneThatIsOpen() throws {
        try write(1)
        try folder.follow(1)
        let old = try folder.openCurrent()
        try write(1)
        #expect(!folder.isCurrent(old))
    }

    @Test func anOpenSnapshotOutlivesItsFile() throws {
        let drawn = DrawnSnapshot(seed: 1, release: 1)
        try write(1)
        try write(2)
        try folder.follow(1)
        let old = try folder.openCurrent()
        try folder.follow(2)
        #expect(try folder.remove(1))
        #expect(try drawn.users.allSatisfy { try old.bytes(of: $0.key) == $0.payload })
        #expect(try folder.list() == [2])
    }

    @Test func theCurrentFileIsNotRemoved() throws {
        try write(1)
        try folder.follow(1)
        #expect(
            thrown(SnapshotWriteError.self) { try folder.remove(1) } == .currentRelease(path: folder.file(of: 1)))
        #expect(try folder.remove(2) == false)
        #expect(try folder.list() == [1])
    }

    @Test func theLinkNeverNamesAFileThatCannotBeRead() throws {
        try write(1)
        try folder.follow(1)
        #expect(thrown(SnapshotError.self) { try folder.follow(2) } == .missing(path: folder.file(of: 2)))
        try DrawnSnapshot(seed: 3, release: 3).write(folder.file(of: 2))
        let other = SnapshotError.otherRelease(path: folder.file(of: 2), found: 3)
        #expect(thrown(SnapshotError.self) { try folder.follow(2) } == other)
        #expect(try folder.current() == 1)
    }

    @Test func whatKilledWritersLeftIsRemovedAndWhatALivingOneHoldsIsNot() throws {
        try write(1)
        SnapshotsTests.write([1], to: folder.file(of: 2) + ".partial")
        symlink("release-1.nearline", temporary.file("current.nearline.partial"))
        SnapshotsTests.write([1], to: temporary.file("notes.partial"))
        let living = try DrawnSnapshot(seed: 3, release: 3).writer(folder.file(of: 3))
        #expect(try folder.removePartials() == ["current.nearline.partial", "release-2.nearline.partial"])
        #expect(temporary.names == ["notes.partial", "release-1.nearline", "release-3.nearline.partial"])
        try living.finish()
        #expect(try folder.list() == [1, 3])
    }

    @Test func followersAndSweepsDoNotDisturbEachOther() async throws {
        try write(1)
        let folder = folder
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { for _ in 0..<200 { try folder.follow(1) } } }
            group.addTask { for _ in 0..<2000 { try folder.removePartials() } }
            try await group.waitForAll()
        }
        #expect(try folder.current() == 1)
        #expect(temporary.names == ["current.nearline", "release-1.nearline"])
    }

    @Test func readersAlwaysFindAWholeFileWhileReleasesComeAndGo() async throws {
        try write(1)
        try folder.follow(1)
        let folder = folder
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    for _ in 0..<300 {
                        let snapshot = try folder.openCurrent()
                        let release = snapshot.facts.release
                        let drawn = DrawnSnapshot(seed: UInt64(release), release: release)
                        #expect(try snapshot.bytes(of: drawn.users[0].key) == drawn.users[0].payload)
                    }
                }
            }
            for release in 2...60 {
                try DrawnSnapshot(seed: UInt64(release), release: release).write(folder.file(of: release))
                try folder.follow(release)
                try folder.remove(release - 1)
            }
            try await group.waitForAll()
        }
    }
}
