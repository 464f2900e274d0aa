import Domain

/// All workers' items in the order of their keys, which is that of events of one time.
struct RankedItems: Sendable {
    /// By rank.
    let places: [ItemPlace]
    /// By worker and the worker's number of the item; negative for an item that no record has.
    let rankOfNumber: [[Int32]]

    init(_ workers: [[(item: ExternalID, place: ItemPlace?)]]) {
        var all: [(item: ExternalID, place: ItemPlace, worker: Int, number: Int)] = []
        for (worker, items) in workers.enumerated() {
            for (number, (item, place)) in items.enumerated() {
                if let place { all.append((item, place, worker, number)) }
            }
        }
        all.sort { $0.item < $1.item }
        var places: [ItemPlace] = [], ranks = workers.map { [Int32](repeating: -1, count: $0.count) }
        for (index, entry) in all.enumerated() {
            if index == 0 || all[index - 1].item != entry.item { places.append(entry.place) }
            ranks[entry.worker][entry.number] = Int32(places.count - 1)
        }
        self.places = places
        rankOfNumber = ranks
    }
}

/// Sorts one partition at a time: users apart by counting, then each user's few events by time and item.
struct EngagedSorter<User: PackedKey> {
    private typealias Record = EngagedRecord<User>

    private let users = KeyNumbers<User>()
    private var starts: [Int] = []
    private var userOfRecord: [Int32] = []
    private var events = EngagedEvents()

    mutating func sort(
        _ workers: [EngagedPartitions<User>], _ partition: Int, _ items: RankedItems,
        _ body: (EngagedEvents) throws -> Void
    ) throws {
        let count = workers.reduce(0) { $0 + $1.count(partition) }
        guard count > 0 else { return }
        let records = UnsafeMutableBufferPointer<Record>.allocate(capacity: 2 * count)
        defer { records.deallocate() }
        try gather(workers, partition, items, into: records.baseAddress!)
        group(records, count)
        for user in 0..<users.count {
            let own = UnsafeMutableBufferPointer(rebasing: records[count + starts[user]..<count + starts[user + 1]])
            EngagedSorter.sort(own)
            fill(own, items)
            try body(events)
        }
    }

    private func gather(
        _ workers: [EngagedPartitions<User>], _ partition: Int, _ items: RankedItems,
        into place: UnsafeMutablePointer<Record>
    ) throws {
        var place = place
        for (worker, own) in workers.enumerated() {
            let count = own.count(partition)
            try own.take(partition, into: place)
            items.rankOfNumber[worker].withUnsafeBufferPointer { ranks in
                for i in 0..<count { place[i].item = ranks[Int(place[i].item)] }
            }
            place += count
        }
    }

    /// Moves the records of each user together, to the upper half.
    private mutating func group(_ records: UnsafeMutableBufferPointer<Record>, _ count: Int) {
        users.removeAll()
        userOfRecord.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        for i in 0..<count {
            let (user, isNew) = users.number(of: records[i].user)
            if isNew { starts.append(0) }
            starts[user] += 1
            userOfRecord.append(Int32(user))
        }
        var sum = 0
        for user in starts.indices { (starts[user], sum) = (sum, sum + starts[user]) }
        starts.append(sum)
        var next = starts
        for i in 0..<count {
            let user = Int(userOfRecord[i])
            (records.baseAddress! + count + next[user]).initialize(to: records[i])
            next[user] += 1
        }
    }

    private mutating func fill(_ records: UnsafeMutableBufferPointer<Record>, _ items: RankedItems) {
        events.items.removeAll(keepingCapacity: true)
        events.clusters.removeAll(keepingCapacity: true)
        events.times.removeAll(keepingCapacity: true)
        events.scenes.removeAll(keepingCapacity: true)
        for record in records {
            let place = items.places[Int(record.item)]
            events.items.append(place.row)
            events.clusters.append(place.cluster)
            events.times.append(record.time)
            events.scenes.append(record.scene)
        }
    }

    /// Few are put in their place one by one; many are left to the standard library.
    private static func sort(_ records: UnsafeMutableBufferPointer<Record>) {
        guard records.count <= 24 else {
            var records = records
            return records.sort { comesFirst($0, $1) }
        }
        for i in records.indices.dropFirst() {
            let record = records[i]
            var place = i
            while place > 0, comesFirst(record, records[place - 1]) {
                records[place] = records[place - 1]
                place -= 1
            }
            records[place] = record
        }
    }

    /// The scene decides last, so that what comes of one time does not depend on the order of the table.
    @inline(__always)
    private static func comesFirst(_ a: Record, _ b: Record) -> Bool {
        if a.time != b.time { return a.time < b.time }
        return a.item != b.item ? a.item < b.item : a.scene < b.scene
    }
}
