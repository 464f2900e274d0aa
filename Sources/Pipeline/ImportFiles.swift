import Checksum
import Domain
import Foundation
import Importing
import Ledger
import Postgres

/// `nearline import`: a CSV or TSV file of events, and one of items, into tables that the other commands read.
///
/// All in one transaction: a killed import leaves nothing behind. The same files into the same place twice is a no-op.
package struct ImportFiles {
    package var events: String
    package var items: String?
    package var schema: String
    package var eventColumns: ColumnMap
    package var itemColumns: ColumnMap
    package var again: Bool
    package var dryRun: Bool

    package init(
        events: String, items: String?, schema: String, eventColumns: ColumnMap, itemColumns: ColumnMap, again: Bool,
        dryRun: Bool
    ) {
        self.events = events
        self.items = items
        self.schema = schema
        self.eventColumns = eventColumns
        self.itemColumns = itemColumns
        self.again = again
        self.dryRun = dryRun
    }

    package func run(_ context: RunContext) throws -> Answer {
        if dryRun { return try check(context) }
        let connection = try context.connectToSchema()
        let hash = try inputHash()
        let tables = ImportTables(schema: schema, on: connection)
        if !again, let hash, try tables.exist(), try RunHistory(connection).isTakenIn(hash, by: "import") {
            return Answer(
                "nothing to do: these files are in \(schema).events already (--again imports them once more)",
                ["skipped": true])
        }
        var counts: [String: Int] = [:]
        try context.booked(on: connection, settings: context.settings.json(["max-bad-rows"])) { ledger, report in
            let types = try context.stage("looking at the keys") {
                let found = try EventFile.sniff(path: events, columns: eventColumns)
                return (
                    user: try tables.keyType("user_id", inFile: found.user),
                    item: try tables.keyType("item_id", inFile: found.item)
                )
            }
            // A first look at the items, so that a wrong header costs no import.
            if let items { _ = try ItemFile(path: items, columns: itemColumns, itemType: types.item) }
            do {
                try connection.transaction(doing: "importing into \(schema)") {
                    try tables.create(userType: types.user, itemType: types.item)
                    try loadEvents(tables, types, context, ledger, &counts)
                    try loadItems(tables, types.item, context, ledger, &counts)
                    report.counts = counts
                    if let hash { try ledger.tookIn(hash) }
                }
            } catch let refused as ImportRefused {
                // What was kept in the transaction went with it, and these rows are what somebody now wants to see.
                try ledger.quarantine(refused.samples)
                throw refused
            }
            try context.stage("analysing") { try tables.analyse() }
        }
        let summary = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        return Answer("imported into \(schema): \(summary)", counts)
    }

    /// Reads everything and writes nothing.
    private func check(_ context: RunContext) throws -> Answer {
        let types = try EventFile.sniff(path: events, columns: eventColumns)
        var file = try EventFile(
            path: events, columns: eventColumns, userType: types.user, itemType: types.item, now: context.now)
        while try file.next() != nil {}
        var counts = ["events": file.accepted]
        count(file.refusals, "event", &counts)
        try limit(file.refusals, of: events, context)
        if let items {
            var file = try ItemFile(path: items, columns: itemColumns, itemType: types.item)
            while try file.next() != nil {}
            counts["items"] = file.accepted
            count(file.refusals, "item", &counts)
            try limit(file.refusals, of: items, context)
        }
        let summary = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        return Answer("would import \(summary); users are \(types.user.rawValue), items \(types.item.rawValue)", counts)
    }

    private func loadEvents(
        _ tables: ImportTables, _ types: (user: IDType, item: IDType), _ context: RunContext, _ ledger: RunLedger,
        _ counts: inout [String: Int]
    ) throws {
        var file = try EventFile(
            path: events, columns: eventColumns, userType: types.user, itemType: types.item, now: context.now)
        // Categories may stand with the events; where no items file says more, the last one seen is the item's.
        var categories: [ExternalID: String] = [:]
        counts["events"] = try context.stage("importing events") {
            try tables.copyEvents(types) {
                guard let row = try file.next() else { return nil }
                if let category = row.category { categories[row.item] = category }
                if file.accepted % 8192 == 0 {
                    try context.safePoint()
                    context.progress(file.accepted, "events", fraction: file.fractionRead)
                }
                return row
            }
        }
        count(file.refusals, "event", &counts)
        try settle(file.refusals, of: events, context, ledger)
        if items == nil, !categories.isEmpty {
            var rest = categories.makeIterator()
            counts["items"] = try tables.upsertItems(types.item, given: ["category"]) {
                rest.next().map {
                    ItemRow(item: $0.key, category: $0.value, seller: nil, available: true, title: nil)
                }
            }
        }
    }

    private func loadItems(
        _ tables: ImportTables, _ type: IDType, _ context: RunContext, _ ledger: RunLedger,
        _ counts: inout [String: Int]
    ) throws {
        guard let items else { return }
        var file = try ItemFile(path: items, columns: itemColumns, itemType: type)
        counts["items"] = try context.stage("importing items") {
            let given = [
                ("category", file.hasCategory), ("seller", file.hasSeller), ("available", file.hasAvailable),
                ("title", file.hasTitle),
            ].filter(\.1).map(\.0)
            return try tables.upsertItems(type, given: given) { try file.next() }
        }
        count(file.refusals, "item", &counts)
        try settle(file.refusals, of: items, context, ledger)
    }

    private func count(_ refusals: RefusalCounts, _ kind: String, _ counts: inout [String: Int]) {
        for reason in RefusalReason.allCases where refusals.count(of: reason) > 0 {
            counts["\(kind)s refused: \(reason.rawValue)"] = refusals.count(of: reason)
        }
    }

    private func settle(_ refusals: RefusalCounts, of path: String, _ context: RunContext, _ ledger: RunLedger) throws {
        guard refusals.total > 0 else { return }
        try limit(refusals, of: path, context)
        try ledger.quarantine(samples(refusals, of: path))
        context.log.warning("rows were refused", metadata: ["file": "\(path)", "rows": "\(refusals.total)"])
    }

    private func limit(_ refusals: RefusalCounts, of path: String, _ context: RunContext) throws {
        let allowed = context.settings.int("max-bad-rows")
        guard refusals.total > allowed else { return }
        let first = refusals.samples.prefix(3).map { "line \($0.line) \($0.reason.rawValue)" }
        throw ImportRefused(
            path: path, refused: refusals.total, allowed: allowed, first: first.joined(separator: ", "),
            samples: samples(refusals, of: path))
    }

    private func samples(_ refusals: RefusalCounts, of path: String) -> [ImportRefused.Sample] {
        refusals.samples.map { (path, $0.reason.rawValue, "line \($0.line): \($0.text)") }
    }

    /// Names the files' bytes, the mapping and the place; nil for standard input, which cannot be read twice.
    private func inputHash() throws -> String? {
        var text = "\(schema)|\(eventColumns)|\(itemColumns)"
        for path in [events, items].compactMap({ $0 }) {
            guard path != "-" else { return nil }
            guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe) else { continue }
            text += "|" + data.withUnsafeBytes { Checksum.name($0) }
        }
        return Checksum.name(text)
    }
}

/// More rows of a file were refused than `--max-bad-rows` allows; nothing of it was imported.
package struct ImportRefused: Error, CustomStringConvertible {
    package let path: String
    package let refused: Int
    package let allowed: Int
    package let first: String
    package typealias Sample = (relation: String, reason: String, text: String)
    package let samples: [Sample]

    package var description: String {
        "\(refused) rows of \(path) were refused (\(first)), --max-bad-rows allows \(allowed); nothing was imported. "
            + "Mend the file, map its columns with --column, or raise the limit"
    }
}
