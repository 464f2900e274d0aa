/// Rows that a gate objects to: how many, and where the first of them are.
///
/// Rows are named by their place in the table (`ctid`): it names no user, finds the row at once, and stays the same, as
/// nothing writes into a finished release.
struct Offenders: Equatable, Sendable {
    private(set) var count = 0
    private(set) var places: [String] = []

    private static let kept = 20

    /// - Parameter place: a `ctid` in binary: block, then line.
    mutating func add(_ place: UnsafeRawBufferPointer) {
        count += 1
        guard places.count < Self.kept, place.count == 6 else { return }
        let block = UInt32(bigEndian: place.loadUnaligned(as: UInt32.self))
        let line = UInt16(bigEndian: place.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
        places.append("(\(block),\(line))")
    }

    /// The first of them, as a condition on a table named `alias`; where there is none, no row.
    func condition(on alias: String) -> String {
        "\(alias).ctid = ANY ('{\(places.map { "\"\($0)\"" }.joined(separator: ","))}'::tid[])"
    }
}
