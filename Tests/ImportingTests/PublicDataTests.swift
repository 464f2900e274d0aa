import Domain
import Glibc
import Testing

import Importing

/// The public data sets beside a checkout, read to their last row; they are not part of the repository.
@Suite struct PublicDataTests {
    /// `../shared/data` as seen from the root of the repository.
    private static let folder: String = {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        return root + "/../shared/data"
    }()

    private static let isThere = access(folder + "/ml-1m.csv.gz", R_OK) == 0
    private static let now: Int64 = 1_767_225_600_000_000

    @Test(
        .enabled(if: isThere, "the public data sets are not beside this checkout (../shared/data)"),
        arguments: [
            ("online-retail", 386_354, IDType.bigint, IDType.text), ("ml-1m", 1_000_209, .bigint, .bigint),
            ("taobao-userbehavior-983", 99_957, .bigint, .bigint), ("amazon-beauty", 198_215, .bigint, .bigint),
        ])
    func everyEventIsTaken(name: String, rowCount: Int, user: IDType, item: IDType) throws {
        let path = "\(PublicDataTests.folder)/\(name).csv.gz"
        let types = try EventFile.sniff(path: path, columns: ColumnMap())
        #expect(types.user == user && types.item == item)
        var file = try EventFile(
            path: path, columns: ColumnMap(), userType: types.user, itemType: types.item, now: PublicDataTests.now)
        while try file.next() != nil {}
        #expect(file.accepted == rowCount)
        #expect(file.refusals == RefusalCounts())
    }

    @Test(
        .enabled(if: isThere, "the public data sets are not beside this checkout (../shared/data)"),
        arguments: [("online-retail", 3659), ("ml-1m", 3706)])
    func everyItemIsTaken(name: String, rowCount: Int) throws {
        let path = "\(PublicDataTests.folder)/\(name).items.csv.gz"
        var file = try ItemFile(
            path: path, columns: ColumnMap(), itemType: try ItemFile.sniff(path: path, columns: ColumnMap()))
        while try file.next() != nil {}
        #expect(file.accepted == rowCount)
        #expect(file.refusals == RefusalCounts())
    }
}
