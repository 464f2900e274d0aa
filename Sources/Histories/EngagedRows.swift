import Domain
import Postgres

/// One worker's part of the events, from the rows of a COPY to partitions by user.
final class EngagedRows<User: PackedKey, Item: PackedKey>: @unchecked Sendable {
    let partitions: EngagedPartitions<User>
    /// By the number that records have: the item, and what it is to the caller; nil for one without a cluster.
    private(set) var items: [(item: ExternalID, place: ItemPlace?)] = []
    /// By the same number; small enough to stay in the cache, which every row needs.
    private var hasPlace: [Bool] = []
    private(set) var refused = RefusedRows()
    private(set) var events = 0
    private(set) var unknownItems = 0

    private let source: EventSource
    private let rules: EventRules
    private let numbers = KeyNumbers<Item>()
    private var actions = ActionLabels()

    init(_ reader: EngagedEventReader, share: Int) {
        source = reader.source
        rules = EventRules(now: reader.now)
        partitions = EngagedPartitions(memoryBytes: reader.space.memoryBytes / share, folder: reader.space.folder)
    }

    func read(
        _ query: String, on connection: Connection, place: (ExternalID) -> ItemPlace?,
        scene: ((String?) -> Int32)?
    ) throws {
        try connection.copyOut(query, doing: "reading \(source.names.events)") { row in
            guard let userBytes = try row.bytes() else {
                refused.add(.missingUser, "row \(row.rowNumber): user_id is null")
                return try row.skipRest()
            }
            guard !source.userType.isOverlong(userBytes.count) else {
                refused.add(.overlongKey, "row \(row.rowNumber): user_id has \(userBytes.count) bytes")
                return try row.skipRest()
            }
            guard let user = User.pack(userBytes, source.userType) else {
                throw PostgresError.malformed(
                    "row \(row.rowNumber): user_id is no \(source.userType.rawValue)",
                    doing: "reading \(source.names.events)")
            }
            let item = try row.bytes(), time = try row.optionalInt64().flatMap(EventRules.sinceEpoch)
            let label = try row.bytes()
            var action: Action?, number: Int?
            if let label { action = actions[label] }
            let isOverlong = item.map { source.itemType.isOverlong($0.count) } ?? false
            if let item, !isOverlong { number = self.number(of: item, place) }
            if let reason = rules.refusal(hasItem: number != nil, isOverlong: isOverlong, time: time, action: action) {
                refused.add(reason, text(row.rowNumber, item, time, label))
                return try row.skipRest()
            }
            guard let number, let time, let action else { return try row.skipRest() }
            events += 1
            guard action > .impression else { return try row.skipRest() }
            var inScene: Int32 = 0
            if let scene {
                let name = try row.optionalString()
                inScene = scene(name?.isEmpty == true ? nil : name)
            }
            guard hasPlace[number] else {
                unknownItems += 1
                return
            }
            try partitions.append(EngagedRecord(user: user, time: time, item: Int32(number), scene: inScene))
        }
    }

    @inline(__always)
    private func number(of bytes: UnsafeRawBufferPointer, _ place: (ExternalID) -> ItemPlace?) -> Int? {
        guard let key = Item.pack(bytes, source.itemType) else { return nil }
        let (number, isNew) = numbers.number(of: key)
        if isNew {
            // Text is what the server sends, and it sends UTF-8.
            let item = ExternalID(binary: bytes, type: source.itemType)!
            let place = place(item).flatMap { $0.cluster >= 0 ? $0 : nil }
            items.append((item, place))
            hasPlace.append(place != nil)
        }
        return number
    }

    private func text(
        _ row: Int, _ item: UnsafeRawBufferPointer?, _ time: Int64?, _ label: UnsafeRawBufferPointer?
    ) -> String {
        EventRules.text(
            row: row, item: item.flatMap { ExternalID(binary: $0, type: source.itemType) }, time: time,
            label: label.map { String(decoding: $0, as: UTF8.self) })
    }
}
