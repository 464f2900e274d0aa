import Domain
import Postgres
import ResultTables

/// A release whose every list says which release and which user it is of, in its rows and in its dictionary, so that a
/// reader sees at once what was put together from two.
struct MarkedRelease: Sendable {
    static let listLength = 20
    /// So many releases in a row differ in the rows of their lists.
    static let bands = 20
    static let itemCount = listLength * bands
    /// Between the keys of two releases' dictionaries.
    private static let stride = 1000

    let users: Int

    /// Builds it up to `validated`. Its number is known only when its writer begins, hence the lists after that.
    func build(on connection: Connection) throws -> Int {
        let writer = try connection.writer(listLength: Self.listLength, items: Self.itemCount)
        let release = writer.release
        try writer.write(
            (0..<users).map { (user: ExternalID.integer(Int64($0)), list: Self.list(of: $0, release: release)) })
        // One item alone: a reader who is given this one sees that it is nobody's.
        try writer.writeFallback([Candidate(row: 0, score: 0, source: .popular)])
        try writer.finish(Vocabulary(keys: (0..<Self.itemCount).map { Self.key($0, release: release) }))
        return release
    }

    /// Each user has the items of the release's band, turned round by another number of places.
    private static func list(of user: Int, release: Int) -> [Candidate] {
        (0..<listLength).map { place in
            Candidate(row: row(place, user: user, release: release), score: 1 - Float(place) / 32, source: .model)
        }
    }

    private static func row(_ place: Int, user: Int, release: Int) -> UInt32 {
        UInt32(release % bands * listLength + (user + place) % listLength)
    }

    private static func key(_ row: Int, release: Int) -> Int64 { Int64(release * stride + row) }

    /// Why these rows are not the list of this user in this release; nil where they are.
    static func fault(rows: [UInt32], user: Int, release: Int) -> String? {
        guard rows.count == listLength else { return "user \(user), release \(release): \(rows.count) items" }
        for (place, row) in rows.enumerated() where row != self.row(place, user: user, release: release) {
            return "user \(user), release \(release): row \(row) at place \(place)"
        }
        return nil
    }

    /// The release that these keys are of, by their dictionary, and why they are not the list of this user in it.
    static func read(items: [Int64], user: Int) -> (release: Int, fault: String?) {
        guard let first = items.first else { return (0, "user \(user): an empty list") }
        let release = Int(first) / stride
        guard items.allSatisfy({ Int($0) / stride == release }) else {
            return (release, "user \(user): items of releases \(Set(items.map { Int($0) / stride }).sorted())")
        }
        return (release, fault(rows: items.map { UInt32($0 % Int64(stride)) }, user: user, release: release))
    }
}
