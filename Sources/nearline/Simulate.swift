import ArgumentParser
import Pipeline
import Simulation

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the events and items of a made-up shop as CSV files, for trials.",
        discussion:
            "Same options, same bytes.\n\nExample: nearline simulate shop-data --users 5000 && nearline import shop-data/events.csv shop-data/items.csv"
    )

    @Argument(help: "Folder for events.csv and items.csv.")
    var folder: String
    @Option(help: "Users of the shop.")
    var users = 2000
    @Option(help: "Items of the shop.")
    var items = 1500
    @Option(help: "Categories of the shop.")
    var categories = 24
    @Option(help: "Sellers of the shop.")
    var sellers = 60
    @Option(help: "Days of events.")
    var days = 60
    @Option(help: "Seed of everything drawn.")
    var seed: UInt64 = 7
    @Option(help: "Epoch seconds at which the events end (default: 2026-01-01).")
    var endsAt: Int64 = 1_767_225_600
    @OptionGroup var common: CommonOptions

    func run() throws {
        let shop = ShopSettings(
            users: users, items: items, categories: categories, sellers: sellers, days: days, seed: seed, endsAt: endsAt
        )
        try execute("simulate", common) { try SimulateShop(shop, folder: folder).run($0) }
    }
}
