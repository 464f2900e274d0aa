import Domain
import Foundation
import Importing
import Transitions

/// A public set with its last tenth of time held out: how often the next cluster is among the five most probable ones.
struct HeldOutSet {
    private var users: [ExternalID: [(item: ExternalID, cluster: Int32, time: Int64)]] = [:]
    private var times: [Int64] = []
    private var clusters = 0
    private let name: String

    /// - Parameters:
    ///   - events: as `nearline import` takes them.
    ///   - clusters: `item_id,cluster` where the events have no category.
    init(events: String, clusters groups: String?) throws {
        name = URL(fileURLWithPath: events).lastPathComponent
        let types = try EventFile.sniff(path: events, columns: ColumnMap())
        var file = try EventFile(
            path: events, columns: ColumnMap(), userType: types.user, itemType: types.item,
            now: Int64(Date().timeIntervalSince1970) * 1_000_000)
        var group: [String: Int32] = [:], categories: [String: Int32] = [:]
        if let groups {
            for line in try String(contentsOfFile: groups, encoding: .utf8).split(separator: "\n").dropFirst() {
                let fields = line.split(separator: ",")
                group[String(fields[0])] = Int32(fields[1])
            }
        }
        while let row = try file.next() {
            guard let action = Action(label: row.action), action > Action.impression else { continue }
            let cluster: Int32
            if groups != nil {
                cluster = group["\(row.item)"] ?? -1
            } else {
                let category = row.category ?? ""
                if categories[category] == nil { categories[category] = Int32(categories.count) }
                cluster = categories[category]!
            }
            users[row.user, default: []].append((row.item, cluster, row.occurredAt))
            times.append(row.occurredAt)
        }
        clusters = (groups == nil ? categories.count : Int(group.values.max() ?? -1) + 1)
    }

    func report() throws {
        let cut = times.sorted()[times.count * 9 / 10]
        for halfLife in [0, 90] {
            let settings = TransitionSettings(halfLifeDays: halfLife)
            let tally = try TransitionTally(clusters: clusters, asOf: cut, settings: settings)
            try forEachUser { try tally.add(clusters: $0, times: $1) }
            let (table, churn) = try TransitionTally.finish([tally], workers: 1).build()
            var rate = TransitionHitRate(table, after: cut)
            forEachUser { rate.add(clusters: $0, times: $1) }
            let overlaps = churn.overlaps.map { $0.weightedMean.map { String(format: "%.2f", $0) } ?? "-" }
            print(
                "\(name), \(clusters) clusters, half-life \(halfLife): \(rate.occurrences) held out,",
                String(
                    format: "back-off %.4f, latest %.4f, everybody %.4f;", rate.backOff, rate.latest, rate.everybody),
                "overlap after \(settings.lags) days \(overlaps.joined(separator: " ")),",
                "refresh \(churn.refresh())")
        }
    }

    private func forEachUser(_ body: ([Int32], [Int64]) throws -> Void) rethrows {
        for user in users.keys.sorted() {
            let events = users[user]!.sorted { ($0.time, $0.item) < ($1.time, $1.item) }
            try body(events.map(\.cluster), events.map(\.time))
        }
    }
}
