import Domain

/// The rows of an events file, decoded and checked one by one; what cannot be an event is refused and counted.
///
/// A file without an action column holds clicks only. Spaces around a value are not part of it, and an empty session,
/// scene or category is none.
package struct EventFile {
    private let reader: DelimitedReader
    private let columns: Columns
    private let userType: IDType
    private let itemType: IDType
    private let now: Int64
    private var actions = ActionLabels()

    package private(set) var refusals = RefusalCounts()
    package private(set) var accepted = 0

    /// The key types that a file's own keys fit, by reading all of it: bigint, else uuid, else text.
    ///
    /// Standard input and pipes can be read only once, so their keys count as text. Keys that would change when stored
    /// as numbers (`007`) make a column text.
    package static func sniff(path: String, columns: ColumnMap) throws(ImportError) -> (user: IDType, item: IDType) {
        guard ByteSource.canBeReadTwice(path: path) else { return (.text, .text) }
        let reader = try DelimitedReader(path: path)
        let columns = try Columns(of: reader, map: columns)
        var user = KeySniffer()
        var item = KeySniffer()
        while !(user.isSettled && item.isSettled), try reader.next() {
            guard reader.fieldCount == reader.header.count else { continue }
            user.add(reader.field(columns.user).trimmed)
            item.add(reader.field(columns.item).trimmed)
        }
        return (user.type, item.type)
    }

    /// - Parameter now: microseconds since the Unix epoch; an event after it is refused.
    package init(
        path: String, columns: ColumnMap, userType: IDType, itemType: IDType, now: Int64
    ) throws(ImportError) {
        reader = try DelimitedReader(path: path)
        self.columns = try Columns(of: reader, map: columns)
        self.userType = userType
        self.itemType = itemType
        self.now = now
    }

    package var hasSession: Bool { columns.session != nil }
    package var hasScene: Bool { columns.scene != nil }
    package var hasCategory: Bool { columns.category != nil }
    /// False where every row counts as a click.
    package var hasAction: Bool { columns.action != nil }

    /// The line that the last row began on.
    package var line: Int { reader.line }

    /// How much of the file has been read, 0 to 1, for a progress bar; nil for a pipe.
    package var fractionRead: Double? { reader.fractionRead }

    /// The next row that is an event; nil at the end of the file.
    package mutating func next() throws(ImportError) -> EventRow? {
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

    private mutating func decode() throws(RefusedField) -> EventRow {
        if let refused = reader.refusedShape { throw refused }
        return EventRow(
            user: try reader.key(columns.user, userType, missing: .missingUser, bad: .badUser),
            item: try reader.key(columns.item, itemType, missing: .missingItem, bad: .badItem),
            occurredAt: try time(), action: try action(),
            session: try reader.text(columns.session), scene: try reader.text(columns.scene),
            category: try reader.text(columns.category))
    }

    private func time() throws(RefusedField) -> Int64 {
        guard let time = TimeText.microseconds(reader.field(columns.time).trimmed) else {
            throw RefusedField(reason: .badTime)
        }
        guard time >= TimeText.year1990 else { throw RefusedField(reason: .beforeYear1990) }
        guard time <= now else { throw RefusedField(reason: .inTheFuture) }
        return time
    }

    private mutating func action() throws(RefusedField) -> String {
        guard let column = columns.action else { return Action.click.label }
        guard let label = actions.label(reader.field(column).trimmed) else {
            throw RefusedField(reason: .unknownAction)
        }
        return label
    }
}

/// Where the columns of an events file stand.
private struct Columns {
    let user, item, time: Int
    let action, session, scene, category: Int?

    init(of reader: DelimitedReader, map: ColumnMap) throws(ImportError) {
        let positions = try map.positions(
            in: reader.header, of: reader.path, required: [.userID, .itemID, .timestamp],
            optional: [.action, .sessionID, .scene, .category])
        user = positions[.userID]!
        item = positions[.itemID]!
        time = positions[.timestamp]!
        action = positions[.action]
        session = positions[.sessionID]
        scene = positions[.scene]
        category = positions[.category]
    }
}
