import Foundation
import Simulation

/// `nearline simulate`: writes the events and items of a made-up shop as CSV files.
package struct SimulateShop {
    package var settings: ShopSettings
    package var folder: String

    package init(_ settings: ShopSettings, folder: String) {
        self.settings = settings
        self.folder = folder
    }

    package func run(_ context: RunContext) throws -> Answer {
        try settings.check()
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let shop = ShopSimulator(settings)
        let events = folder + "/events.csv", items = folder + "/items.csv"
        try context.stage("simulating a shop") {
            try shop.writeItems(path: items)
            try shop.writeEvents(path: events)
        }
        let first = shop.plantedTransitions.first
        let hint = first.map { "; planted: \($0.first), \($0.second) -> \($0.next)" } ?? ""
        return Answer(
            "wrote \(events) and \(items): \(settings.users) users, \(settings.items) items, \(settings.days) days\(hint)",
            ["events": events, "items": items])
    }
}
