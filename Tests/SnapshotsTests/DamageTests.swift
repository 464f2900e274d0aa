import Checksum
import Domain
import Snapshots
import Testing

/// Damage is found: at the door, at the lookup that meets it, or by `verify()`; and no lookup is ever wrong.
@Suite struct DamageTests {
    private let folder = TemporaryFolder()
    private let drawn = DrawnSnapshot(seed: 21)
    private let whole: [UInt8]

    init() throws {
        try drawn.write(folder.file("whole"))
        whole = contents(folder.file("whole"))
    }

    private func refusal(_ bytes: [UInt8]) -> SnapshotError? {
        write(bytes, to: folder.file("damaged"))
        return thrown(SnapshotError.self) { _ = try Snapshot(path: folder.file("damaged")) }
    }

    /// Bytes that differ from `whole` in one of the ways in which files come to harm.
    private func damaged(_ draw: inout SeededGenerator, other: [UInt8]) -> [UInt8] {
        var bytes = whole
        func place() -> Int { draw.below(bytes.count) }
        switch draw.below(8) {
        case 0, 1: bytes[place()] ^= 1 << UInt8(draw.below(8))
        case 2: bytes[place()] = UInt8(truncatingIfNeeded: draw.next())
        case 3: bytes.removeLast(1 + place())
        case 4: bytes += (0...draw.below(64)).map { _ in UInt8(draw.below(2)) }
        case 5:
            let start = place()
            for index in start..<min(bytes.count, start + 1 + draw.below(512)) { bytes[index] = 0 }
        case 6:
            // A block of another release's file, as after a copy that was broken off.
            let start = place()
            for index in start..<min(bytes.count, other.count, start + 1 + draw.below(512)) {
                bytes[index] = other[index]
            }
        default:
            let (a, b) = (place(), place())
            for step in 0..<min(1 + draw.below(64), bytes.count - max(a, b)) { bytes.swapAt(a + step, b + step) }
        }
        return bytes
    }

    @Test func tenThousandCorruptionsAreAllFoundAndNoLookupIsEverWrong() throws {
        var draw = SeededGenerator(seed: 22)
        try DrawnSnapshot(seed: 23).write(folder.file("other"))
        let other = contents(folder.file("other"))
        let answers = drawn.users.map { ($0.key, Optional($0.payload)) } + drawn.strangers.map { ($0, nil) }
        var (atTheDoor, atALookup, byVerifyAlone) = (0, 0, 0)
        for round in 0..<10_000 {
            let bytes = damaged(&draw, other: other)
            if bytes == whole { continue }
            write(bytes, to: folder.file("damaged"))
            guard let snapshot = try? Snapshot(path: folder.file("damaged")) else {
                atTheDoor += 1
                continue
            }
            var isMet = false
            for (key, payload) in answers {
                do {
                    let answer = try snapshot.bytes(of: key)
                    if answer != payload { Issue.record("round \(round): \(key) got another answer") }
                } catch is SnapshotError {
                    isMet = true
                }
            }
            #expect(thrown(SnapshotError.self) { try snapshot.verify() } != nil, "round \(round)")
            if isMet { atALookup += 1 } else { byVerifyAlone += 1 }
        }
        // Every byte of a record belongs to one user, whose lookup reads it.
        #expect(byVerifyAlone == 0)
        #expect(atTheDoor > 1000 && atALookup > 1000)
    }

    @Test func everyTruncationIsRefused() {
        for length in stride(from: 0, to: whole.count, by: 7) {
            #expect(refusal(Array(whole[..<length])) != nil, "\(length) bytes")
        }
        #expect(
            refusal(Array(whole.dropLast()))
                == .wrongLength(path: folder.file("damaged"), stated: UInt64(whole.count), found: whole.count - 1))
    }

    @Test func everyByteOfTheFileCounts() {
        for place in whole.indices {
            var bytes = whole
            bytes[place] ^= 0x10
            write(bytes, to: folder.file("damaged"))
            #expect(
                thrown(SnapshotError.self) { try Snapshot(path: folder.file("damaged")).verify() } != nil,
                "byte \(place)")
        }
    }

    @Test func theReasonIsNamed() throws {
        let path = folder.file("damaged")
        #expect(refusal(whole + [0]) == .wrongLength(path: path, stated: UInt64(whole.count), found: whole.count + 1))
        #expect(refusal([]) == .wrongLength(path: path, stated: 232, found: 0))
        #expect(refusal(Array("user,item\n1,2\n".utf8)) == .notASnapshot(path: path))
        var bytes = whole
        bytes[8] = 2
        #expect(refusal(bytes) == .unknownVersion(path: path, found: 2))
        bytes = whole
        bytes[12..<16].reverse()
        #expect(refusal(bytes) == .otherByteOrder(path: path))
        bytes = whole
        bytes[40] ^= 1
        #expect(refusal(bytes) == .damagedHeader(path: path))
        bytes = whole
        bytes[section(.items, in: whole).lowerBound] ^= 1
        #expect(refusal(bytes) == .damagedSection(path: path, .items))
        #expect(
            thrown(SnapshotError.self) { _ = try Snapshot(path: folder.file("none")) }
                == .missing(path: folder.file("none")))
        #expect(
            thrown(SnapshotError.self) { _ = try Snapshot(path: folder.path) } == .notASnapshot(path: folder.path))
    }

    @Test func aDamagedRecordNamesItsPlaceAndHarmsNoOther() throws {
        var bytes = whole
        let first = section(.records, in: whole).lowerBound
        bytes[first + 2] ^= 0x40
        write(bytes, to: folder.file("damaged"))
        let snapshot = try Snapshot(path: folder.file("damaged"))
        let error = SnapshotError.damagedRecord(path: folder.file("damaged"), at: first)
        // Its key was harmed, which must not read as "no such user".
        #expect(thrown(SnapshotError.self) { _ = try snapshot.payload(of: drawn.users[0].key) } == error)
        #expect(thrown(SnapshotError.self) { try snapshot.verify() } == error)
        #expect(try drawn.users.dropFirst().allSatisfy { try snapshot.bytes(of: $0.key) == $0.payload })
    }

    @Test func nothingOutsideTheBytesIsReadEvenWhereChecksumsHold() throws {
        var draw = SeededGenerator(seed: 24)
        let keys = (drawn.users.map(\.key) + drawn.strangers).map { key in
            var bytes: [UInt8] = []
            key.appendBinary(to: &bytes, type: .bigint)
            return bytes
        }
        // Any answer will do: what lies behind ends the process where one byte too many is read. The sum makes sure
        // that bytes are read at all.
        var read = 0
        func last(_ bytes: UnsafeRawBufferPointer?) -> Int { bytes?.last.map(Int.init) ?? 0 }
        try withForbiddenPages(room: 2 * whole.count) { room in
            for _ in 0..<3000 {
                var bytes = whole
                for _ in 0...draw.below(3) {
                    bytes[draw.below(bytes.count)] = draw.below(2) == 0 ? 0xFF : UInt8(draw.below(256))
                }
                if draw.below(4) == 0 { bytes.removeLast(8 * draw.below(40)) }
                reseal(&bytes)
                let edge = UnsafeMutableRawBufferPointer(rebasing: room[(room.count - bytes.count)...])
                edge.copyBytes(from: bytes)
                guard let view = try? SnapshotView(UnsafeRawBufferPointer(edge), path: "x") else { continue }
                for key in keys { key.withUnsafeBytes { read += last((try? view.payload(of: $0)) ?? nil) } }
                for number in -1...50 { read += last(view.item(number)) + last(view.clusterName(number)) }
                for (key, _) in drawn.transitions { read += last(view.transition(key)) }
                _ = try? view.verify()
            }
        }
        #expect(read > 0)
    }
}
