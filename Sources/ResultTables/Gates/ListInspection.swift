import Domain
import ResultCodec

/// Looks at every list of a release once, as the rows stream by; memory grows with the items, not with the users.
struct ListInspection {
    private(set) var lists = 0
    private(set) var byteCount = 0
    private(set) var damaged = Offenders()
    private(set) var duplicates = Offenders()
    private(set) var empty = Offenders()
    private(set) var short = Offenders()
    private(set) var popularOnly = Offenders()
    private(set) var excluded = Offenders()
    /// Why the first damaged list is.
    private(set) var firstFault: String?
    /// By item row: the lists that hold it, and those that hold it among their first ten.
    private(set) var exposure: [(lists: Int64, top10: Int64)]

    private let items: DictionaryRows
    private let wanted: Int
    private let decoder: ListDecoder
    /// By item row: the number of the list that held it last, so that nothing is cleared between lists.
    private var lastList: [UInt32]

    /// - Parameter wanted: candidates of a full list.
    init(_ items: DictionaryRows, wanted: Int, decoder: ListDecoder) {
        self.items = items
        self.wanted = wanted
        self.decoder = decoder
        exposure = Array(repeating: (0, 0), count: items.count)
        lastList = Array(repeating: 0, count: items.count)
    }

    /// - Parameters:
    ///   - place: where the list is, a `ctid` in binary.
    ///   - denied: item rows that this user may not get, 4 bytes each, most significant first; none twice.
    mutating func take(place: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, denied: UnsafeRawBufferPointer?)
    {
        lists += 1
        byteCount += payload.count
        let list: [Candidate]
        do {
            list = try decoder.decode(payload)
        } catch {
            return noteDamage(place, "\(error)")
        }
        guard list.allSatisfy({ items.knows($0.row) }) else {
            return noteDamage(place, "it names item rows that the release does not have")
        }
        let (hasDuplicate, isDenied) = count(list)
        let own = ownDenials(denied)
        if hasDuplicate { duplicates.add(place) }
        if isDenied || own.isInList { excluded.add(place) }
        noteLength(list, place, eligible: items.eligible - own.more)
        if !list.isEmpty, list.allSatisfy({ $0.source == .popular }) { popularOnly.add(place) }
    }

    private mutating func noteDamage(_ place: UnsafeRawBufferPointer, _ fault: String) {
        damaged.add(place)
        if firstFault == nil { firstFault = fault }
    }

    private mutating func count(_ list: [Candidate]) -> (hasDuplicate: Bool, isDenied: Bool) {
        let number = UInt32(truncatingIfNeeded: lists)
        var hasDuplicate = false, isDenied = false
        for (index, candidate) in list.enumerated() {
            let row = Int(candidate.row)
            if lastList[row] == number { hasDuplicate = true }
            if items.isDenied(row) { isDenied = true }
            lastList[row] = number
            exposure[row].lists += 1
            if index < 10 { exposure[row].top10 += 1 }
        }
        return (hasDuplicate, isDenied)
    }

    /// Whether the list just counted holds one of them, and how many of them are not denied to everybody anyway.
    private func ownDenials(_ denied: UnsafeRawBufferPointer?) -> (isInList: Bool, more: Int) {
        guard let denied else { return (false, 0) }
        let number = UInt32(truncatingIfNeeded: lists)
        var isInList = false, more = 0
        for offset in stride(from: 0, to: denied.count - 3, by: 4) {
            let row = UInt32(bigEndian: denied.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            guard items.knows(row) else { continue }
            if lastList[Int(row)] == number { isInList = true }
            if !items.isDenied(Int(row)) { more += 1 }
        }
        return (isInList, more)
    }

    /// An empty list is right for a user who may get nothing, and a short one where there are not items enough.
    private mutating func noteLength(_ list: [Candidate], _ place: UnsafeRawBufferPointer, eligible: Int) {
        if list.isEmpty {
            if eligible > 0 { empty.add(place) }
        } else if list.count < wanted, eligible >= wanted {
            short.add(place)
        }
    }
}
