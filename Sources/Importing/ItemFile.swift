import Domain

/// The rows of an items file, decoded and checked one by one; only the item's key must be there.
package struct ItemFile {
    private let reader: DelimitedReader
    private let columns: Columns
    private let itemType: IDType

    package private(set) var refusals = RefusalCounts()
    package private(set) var accepted = 0

    /// The key type that the file's own keys fit, as ``EventFile/sniff(path:columns:)`` does it.
    package static func sniff(path: String, columns: ColumnMap) throws(ImportError) -> IDType {
        guard ByteSource.canBeReadTwice(path: path) else { return .text }
        let reader = try DelimitedReader(path: path)
        let columns = try Columns(of: reader, map: columns)
        var item = KeySniffer()
        while !item.isSettled, try reader.next() {
            guard reader.fieldCount == reader.header.count else { continue }
            item.add(reader.field(columns.item).trimmed)
        }
        return item.type
    }

    package init(path: String, columns: ColumnMap, itemType: IDType) throws(ImportError) {
        reader = try DelimitedReader(path: path)
        self.columns = try Columns(of: reader, map: columns)
        self.itemType = itemType
    }

    package var hasCategory: Bool { columns.category != nil }
    package var hasSeller: Bool { columns.seller != nil }
    package var hasTitle: Bool { columns.title != nil }
    /// False where every item counts as available.
    package var hasAvailable: Bool { columns.available != nil }

    /// The line that the last row began on.
    package var line: Int { reader.line }

    /// How much of the file has been read, 0 to 1, for a progress bar; nil for a pipe.
    package var fractionRead: Double? { reader.fractionRead }

    /// The next row that is an item; nil at the end of the file.
    package mutating func next() throws(ImportError) -> ItemRow? {
        while try reader.next() {
            do throws(RefusedField) {
                let row = try decode()
                accepted += 1
                return row
            } catch {
                refusals.refuse(line: reader.line, reason: error.reason, record: reader.record)
            }
        }
        return nil
    }

    private func decode() throws(RefusedField) -> ItemRow {
        if let refused = reader.refusedShape { throw refused }
        return ItemRow(
            item: try reader.key(columns.item, itemType, missing: .missingItem, bad: .badItem),
            category: try reader.text(columns.category), seller: try reader.text(columns.seller),
            available: try available(), title: try reader.text(columns.title))
    }

    private func available() throws(RefusedField) -> Bool {
        switch try reader.text(columns.available)?.lowercased() {
        case nil, "true", "t", "1", "yes", "y": return true
        case "false", "f", "0", "no", "n": return false
        default: throw RefusedField(reason: .badAvailability)
        }
    }
}

/// Where the columns of an items file stand.
private struct Columns {
    let item: Int
    let category, seller, available, title: Int?

    init(of reader: DelimitedReader, map: ColumnMap) throws(ImportError) {
        let positions = try map.positions(
            in: reader.header, of: reader.path, required: [.itemID],
            optional: [.category, .seller, .available, .title])
        item = positions[.itemID]!
        category = positions[.category]
        seller = positions[.seller]
        available = positions[.available]
        title = positions[.title]
    }
}
