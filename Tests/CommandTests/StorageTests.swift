import Foundation
import Testing

/// The server's tables on a small file system of their own, which a release does not fit into.
@Suite struct StorageTests {
    @Test func aReleaseThatTheDiskWillNotHoldIsRefusedBeforeItBegins() throws {
        let shop = try Shop.published()
        guard let disk = try SmallTablespace(shop, kilobytes: 512) else {
            print("skipped: mounting a file system for the server is for root")
            return
        }
        defer { disk.remove() }
        try shop.execute("ALTER DATABASE \(shop.database) SET default_tablespace = \(disk.name)")
        // 60 users with 10,000 candidates are some 2.4 MB, and as much again of the log.
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--candidates", "10000", code: 74,
            saying: ["a release of 60 users needs about", "has 5", "nothing was written", "nearline prune"])
        #expect(try shop.number("SELECT count(*) FROM nearline.release") == 1)
        #expect(try shop.succeed("precompute", "--as-of", Shop.asOf, "--again").contains("release 2 is current"))
    }

    /// Full all the same: the forecast cannot know what others write meanwhile.
    @Test func aDiskThatFillsUpWhileTablesAreWrittenLeavesTheOldReleaseServed() throws {
        let shop = try Shop.published()
        guard let disk = try SmallTablespace(shop, kilobytes: 512) else { return }
        defer { disk.remove() }
        try shop.execute("ALTER DATABASE \(shop.database) SET default_tablespace = \(disk.name)")
        // So that nearly nothing is left once the forecast has been made: it takes the users of the current release.
        try shop.execute(
            """
            UPDATE nearline.release SET users = 1;
            CREATE TABLE public.filler TABLESPACE \(disk.name) AS SELECT repeat(md5(i::text), 30) AS x
            FROM generate_series(1, 380) AS i
            """)
        try shop.refuse(
            "precompute", "--as-of", Shop.asOf, "--again", code: 74, saying: ["free space on the database server"])
        try shop.execute("DROP TABLE public.filler; UPDATE nearline.release SET users = 60 WHERE release = 1")
        #expect(try shop.succeed("precompute", "--as-of", Shop.asOf, "--again").contains("is current"))
        #expect(try shop.strayTables().isEmpty)
    }
}

/// A tablespace on a tmpfs of a few hundred kilobytes.
private final class SmallTablespace {
    let name = "nearline_small_" + String(UInt64.random(in: .min ... .max), radix: 36)
    private let folder: String
    private let shop: Shop

    /// nil where this process may not mount.
    init?(_ shop: Shop, kilobytes: Int) throws {
        self.shop = shop
        folder = "/tmp/\(name)"
        guard geteuid() == 0 else { return nil }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        guard mount("tmpfs", folder, "tmpfs", 0, "size=\(kilobytes)k") == 0 else { return nil }
        let server = try shop.text("SELECT current_setting('data_directory') AS text")
        let owner = try FileManager.default.attributesOfItem(atPath: server)[.ownerAccountID] as? UInt32 ?? 0
        chown(folder, owner, owner)
        try shop.connection.execute(
            "CREATE TABLESPACE \(name) LOCATION '\(folder)'", doing: "making a small tablespace")
    }

    /// The tablespace is empty once its database is gone, which comes later: only the mount goes here, lazily.
    func remove() {
        _ = try? shop.connection.execute(
            "ALTER DATABASE \(shop.database) RESET default_tablespace", doing: "leaving the tablespace")
        for table
            in (try? shop.texts(
                "SELECT format('%I.%I', schemaname, tablename) AS text FROM pg_tables WHERE tablespace = '\(name)'"))
            ?? []
        {
            _ = try? shop.connection.execute("DROP TABLE \(table) CASCADE", doing: "emptying the tablespace")
        }
        _ = try? shop.connection.execute("DROP TABLESPACE \(name)", doing: "dropping the tablespace")
        umount2(folder, Int32(MNT_DETACH))
        rmdir(folder)
    }
}
