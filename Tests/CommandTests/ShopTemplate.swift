import Foundation
import Postgres
import Testing

/// The database and the folder that every published shop is copied from: made once, since that is most of the work.
struct ShopTemplate: Sendable {
    let database: String
    let folder: String

    static let published: Result<ShopTemplate, any Error> = Result { () throws -> ShopTemplate in
        let shop = try Shop.imported()
        try shop.succeed("train", "--as-of", Shop.asOf)
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        shop.isKept = true
        atexit { ShopTemplate.remove(published) }
        return ShopTemplate(database: shop.database, folder: shop.folder)
    }

    /// Releases 1 to 3 were served, 4 waits, and there are snapshot files of what was served.
    static let withHistory: Result<ShopTemplate, any Error> = Result { () throws -> ShopTemplate in
        let shop = try Shop.published()
        let settings = ["NEARLINE_SNAPSHOTS": "\(shop.folder)/snapshots"]
        try shop.succeed("publish", with: settings)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--candidates", "18", with: settings)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--candidates", "19", with: settings)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--candidates", "17", "--no-publish")
        shop.isKept = true
        atexit { ShopTemplate.remove(withHistory) }
        return ShopTemplate(database: shop.database, folder: shop.folder)
    }

    private static func remove(_ template: Result<ShopTemplate, any Error>) {
        guard let template = try? template.get(), let server = try? Connection(applicationName: "nearline-tests")
        else { return }
        template.remove(through: server)
    }

    func remove(through server: Connection) {
        try? FileManager.default.removeItem(atPath: folder)
        do {
            try server.execute("DROP DATABASE \(database) WITH (FORCE)", doing: "dropping the test's database")
        } catch {
            print("database \(database) was left behind: \(error)")
        }
    }
}
