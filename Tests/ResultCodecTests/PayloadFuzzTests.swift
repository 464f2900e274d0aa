import Domain
import Glibc
import ResultCodec
import Testing

@Suite struct PayloadFuzzTests {
    /// Where `payload` ends at a page that may not be read, one byte too many ends the process.
    private func decodeAtTheEdge(_ payload: [UInt8], of page: UnsafeMutableRawBufferPointer) throws(PayloadError)
        -> [Candidate]
    {
        let edge = UnsafeMutableRawBufferPointer(rebasing: page[(page.count - payload.count)...])
        edge.copyBytes(from: payload)
        return try PayloadDecoder.decode(UnsafeRawBufferPointer(edge), dictionary: .drawn)
    }

    /// Room for a payload with a forbidden page behind it.
    private func withForbiddenPage(_ work: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        let pageSize = sysconf(Int32(_SC_PAGESIZE))
        let mapped = try #require(
            mmap(nil, 2 * pageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        try #require(mapped != MAP_FAILED)
        defer { munmap(mapped, 2 * pageSize) }
        try #require(mprotect(mapped + pageSize, pageSize, PROT_NONE) == 0)
        try work(UnsafeMutableRawBufferPointer(start: mapped, count: pageSize))
    }

    /// What a reader takes, however it came about, is a list that could have been written.
    private func expectSane(_ list: [Candidate], count: Int) {
        #expect(list.count == count)
        #expect(list.allSatisfy { $0.score.isFinite })
        #expect(zip(list, list.dropFirst()).allSatisfy { $0.score >= $1.score })
    }

    @Test func mutatedBodiesWithACorrectChecksumAreReadAsSaneListsOrRefused() throws {
        var drawn = DrawnList(seed: 11)
        var taken = 0
        try withForbiddenPage { page in
            for round in 0..<12_000 {
                let count = drawn.random.below(40)
                let codec = PayloadCodec.allCases[round % 5]
                var payload = try PayloadEncoder.encode(drawn.draw(count), codec: codec, dictionary: .drawn)
                for _ in 0...drawn.random.below(3) where payload.count > 12 {
                    let place = 12 + drawn.random.below(payload.count - 12)
                    payload[place] = UInt8(truncatingIfNeeded: drawn.random.next())
                }
                if drawn.random.below(4) == 0 { payload.removeLast(drawn.random.below(payload.count - 11)) }
                if let list = try? decodeAtTheEdge(sealed(payload), of: page) {
                    expectSane(list, count: count)
                    taken += 1
                }
            }
        }
        // Both branches are walked: a changed row is still a row, a changed length is not a length.
        #expect((1_000..<11_000).contains(taken), "\(taken) taken")
    }

    @Test func garbageBodiesWithACorrectHeaderNeverCrash() throws {
        var random = SeededGenerator(seed: 12)
        var taken = 0
        try withForbiddenPage { page in
            for round in 0..<12_000 {
                let codec = PayloadCodec.allCases[round % 5]
                let count = random.below(12)
                let length = codec == .planes ? 7 * count : random.below(90)
                // Small bytes, so that many lengths are believable.
                let mask = [0xFF, 0x7F, 0x17, 0x03][random.below(4)]
                let body = (0..<length).map { _ in UInt8(random.below(256) & mask) }
                let rawLength = codec == .packed || codec == .bands ? length : 7 * count
                let payload = sealed(codec: codec.rawValue, count: count, rawLength: rawLength, body)
                if let list = try? decodeAtTheEdge(payload, of: page) {
                    expectSane(list, count: count)
                    taken += 1
                }
            }
        }
        #expect(taken > 100, "\(taken) taken")
    }
}
