import Domain
import Glibc
import Snapshots
import Testing

/// A writer leaves a whole file or none, and says why.
@Suite struct SnapshotWriterTests {
    private let folder = TemporaryFolder()

    @Test func nothingIsAtThePlaceUntilTheWriterHasFinished() throws {
        let writer = try DrawnSnapshot(seed: 1).writer(folder.file("a"))
        #expect(folder.names == ["a.partial"])
        try writer.finish()
        #expect(folder.names == ["a"])
    }

    @Test func aWriterThatIsLetGoLeavesTheOldFileAsItWas() throws {
        try DrawnSnapshot(seed: 1).write(folder.file("a"))
        let before = contents(folder.file("a"))
        do { _ = try DrawnSnapshot(seed: 2).writer(folder.file("a")) }
        #expect(folder.names == ["a"])
        #expect(contents(folder.file("a")) == before)
    }

    @Test func whatAKilledWriterLeftIsReplaced() throws {
        try DrawnSnapshot(seed: 1).write(folder.file("a"))
        write([UInt8](repeating: 7, count: 100_000), to: folder.file("b.partial"))
        try DrawnSnapshot(seed: 1).write(folder.file("b"))
        #expect(contents(folder.file("b")) == contents(folder.file("a")))
        #expect(folder.names == ["a", "b"])
    }

    @Test func ofTwoWritersOfOneNameTheSecondIsTold() throws {
        let first = try DrawnSnapshot(seed: 1).writer(folder.file("a"))
        let busy = SnapshotWriteError.busy(path: folder.file("a.partial"))
        #expect(thrown(SnapshotWriteError.self) { _ = try DrawnSnapshot(seed: 2).writer(folder.file("a")) } == busy)
        try first.finish()
        try DrawnSnapshot(seed: 2).write(folder.file("a"))
        #expect(try Snapshot(path: folder.file("a")).facts == DrawnSnapshot(seed: 2).facts)
    }

    @Test(arguments: IDType.allCases) func aRepeatedUserIsRefusedAndNothingIsLeft(_ type: IDType) throws {
        var drawn = DrawnSnapshot(users: type, seed: 3, count: 40)
        drawn.users.append((drawn.users[11].key, [1, 2, 3]))
        #expect(
            thrown(SnapshotWriteError.self) { try drawn.write(folder.file("a")) }
                == .duplicateUser(path: folder.file("a"), record: 40))
        #expect(folder.names.isEmpty)
    }

    @Test func aRepeatedTransitionIsRefused() throws {
        var drawn = DrawnSnapshot(seed: 3)
        drawn.transitions.append((5, []))
        #expect(
            thrown(SnapshotWriteError.self) { try drawn.write(folder.file("a")) }
                == .duplicateTransition(path: folder.file("a"), key: 5))
        #expect(folder.names.isEmpty)
    }

    @Test func aKeyOfAnotherWidthIsRefused() throws {
        let writer = try SnapshotWriter(path: folder.file("a"), facts: DrawnSnapshot(seed: 1).facts)
        let error = [UInt8](repeating: 0, count: 4).withUnsafeBytes { bytes in
            thrown(SnapshotWriteError.self) { try writer.add(user: bytes, payload: bytes) }
        }
        #expect(error == .badKey(path: folder.file("a"), record: 0, byteCount: 4))
    }

    @Test func aFolderThatCannotBeWrittenIsNamed() throws {
        let path = folder.file("none/a")
        guard
            case .unwritable(let named, let reason)? =
                thrown(SnapshotWriteError.self, { _ = try DrawnSnapshot(seed: 1).writer(path) })
        else {
            Issue.record("the writer should refuse")
            return
        }
        #expect(named == path + ".partial" && reason == "No such file or directory")
    }

    /// A place that cannot be renamed to: what was written beside it goes too.
    @Test func aPlaceThatIsTakenLeavesNothingBeside() throws {
        mkdir(folder.file("a"), 0o700)
        defer { rmdir(folder.file("a")) }
        #expect(
            thrown(SnapshotWriteError.self) { try DrawnSnapshot(seed: 1).write(folder.file("a")) }
                == .unwritable(path: folder.file("a"), reason: "Is a directory"))
        #expect(folder.names == ["a"])
    }

    @Test(.enabled(if: SmallDisk.isAllowed, "only root may mount a small disk"))
    func aFullDiskIsSaidAndLeavesNothing() throws {
        let disk = try #require(SmallDisk(folder.path))
        let drawn = DrawnSnapshot(seed: 1, count: 3000, payload: 300...400)
        let writer = try SnapshotWriter(path: folder.file("a"), facts: drawn.facts)
        let error = thrown(SnapshotWriteError.self) {
            for user in drawn.users { try writer.add(user: user.key, payload: user.payload) }
            try writer.finish()
        }
        #expect(error == .diskFull(path: folder.file("a")))
        #expect(folder.names.isEmpty)
        withExtendedLifetime(writer) {}
        withExtendedLifetime(disk) {}
    }
}

/// A file system of 256 KiB over a folder, taken away when the test lets go.
private final class SmallDisk {
    private let folder: String

    static let isAllowed: Bool = {
        let folder = TemporaryFolder()
        return SmallDisk(folder.path) != nil
    }()

    init?(_ folder: String) {
        self.folder = folder
        guard mount("none", folder, "tmpfs", 0, "size=256k") == 0 else { return nil }
    }

    deinit { umount2(folder, Int32(MNT_DETACH)) }
}
