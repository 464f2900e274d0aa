import Glibc
import Testing

import Simulation

@Suite struct ShopFilesTests {
    private func shop(seed: UInt64) -> ShopSimulator {
        ShopSimulator(ShopSettings(users: 100, items: 200, seed: seed, endsAt: 1_767_225_600))
    }

    /// An empty folder that is there only while `body` runs.
    private func inFolder<Result>(_ body: (_ folder: String) throws -> Result) rethrows -> Result {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
        var name = Array("\(parent)/nearline-shop-XXXXXX".utf8CString)
        precondition(mkdtemp(&name) != nil, "no temporary folder in \(parent)")
        let folder = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer {
            for file in names(in: folder) { unlink("\(folder)/\(file)") }
            rmdir(folder)
        }
        return try body(folder)
    }

    private func names(in folder: String) -> [String] {
        let directory = opendir(folder)!
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names.filter { $0 != "." && $0 != ".." }.sorted()
    }

    private func text(of path: String) -> String {
        let file = fopen(path, "rb")!
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func files(seed: UInt64) throws -> [String] {
        try inFolder { folder in
            try shop(seed: seed).writeEvents(path: "\(folder)/events.csv")
            try shop(seed: seed).writeItems(path: "\(folder)/items.csv")
            #expect(names(in: folder) == ["events.csv", "items.csv"])
            return [text(of: "\(folder)/events.csv"), text(of: "\(folder)/items.csv")]
        }
    }

    @Test func theSameSeedGivesTheSameBytesAndAnotherOthers() throws {
        let seven = try files(seed: 7)
        #expect(try files(seed: 7) == seven)
        let eight = try files(seed: 8)
        #expect(eight[0] != seven[0] && eight[1] != seven[1])
    }

    @Test func theFilesHoldEveryRowUnderTheirHeaders() throws {
        let shop = shop(seed: 7)
        let written = try files(seed: 7)
        var lines = ["user_id,item_id,session_id,timestamp,action,category,scene"]
        shop.forEachEvent {
            lines.append("\($0.user),\($0.item),\($0.session),\($0.occurredAt),\($0.action),\($0.category),\($0.scene)")
        }
        #expect(written[0] == lines.joined(separator: "\n") + "\n")
        let items = written[1].split(separator: "\n")
        #expect(items[0] == "item_id,title,category,seller,available")
        #expect(items.count == 201)
        #expect(items[1].hasPrefix("1000,") && items[1].hasSuffix("true"))
    }

    @Test func titlesWithCommasOrQuotesAreQuoted() throws {
        let shop = shop(seed: 7)
        let lines = try files(seed: 7)[1].split(separator: "\n").dropFirst()
        let comma = try #require(shop.items.firstIndex { $0.title.contains(",") })
        #expect(lines[comma + 1].contains(",\"\(shop.items[comma].title)\","))
        let inch = try #require(shop.items.firstIndex { $0.title.hasSuffix("\"") })
        #expect(lines[inch + 1].contains(",\"\(shop.items[inch].title)\"\","))
    }

    @Test func aFileThatCannotBeWrittenLeavesTheOldOne() throws {
        inFolder { folder in
            let missing = "\(folder)/none/events.csv"
            #expect(throws: SimulationError.notWritten(path: missing, reason: "No such file or directory")) {
                try shop(seed: 7).writeEvents(path: missing)
            }
            // A folder cannot be replaced by a file.
            let error = #expect(throws: SimulationError.self) { try shop(seed: 7).writeItems(path: folder) }
            #expect(error?.description.hasPrefix("\(folder) was not written: ") == true)
            #expect(names(in: folder) == [])
        }
    }
}
