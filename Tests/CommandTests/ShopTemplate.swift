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
        atexit { ShopTemplate.removePublished() }
        return ShopTemplate(database: shop.database, folder: shop.folder)
    }

    private static func removePublished() {
        guard let template = try? published.get(), let server = try? Connection(applicationName: "nearline-tests")
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
