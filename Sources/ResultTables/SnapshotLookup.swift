import Domain
import ResultCodec
import Snapshots

/// A user's list as the snapshot file of a release has it, named like one from the database.
package struct SnapshotLookup {
    private let snapshot: Snapshot
    private let decoder: ListDecoder

    package init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        decoder = ListDecoder(dictionary: snapshot.payloadDictionary.map(Array.init))
    }

    /// Whether the file has a list of this user's own; false where the fallback list is what they get.
    ///
    /// - Parameter user: the key as text.
    package func isOwn(_ user: String) throws -> Bool { try snapshot.payload(of: key(user)) != nil }

    /// The user's list, else the one for users who have none.
    ///
    /// - Parameter user: the key as text.
    package func list(of user: String) throws -> [ListedItem] {
        let payload = try snapshot.payload(of: key(user)) ?? snapshot.fallback
        let list = try payload.map { try decoder.decode($0) } ?? []
        return try list.enumerated().map { rank, candidate in
            guard let item = snapshot.item(Int(candidate.row)) else {
                throw ReleaseError.rowOutsideDictionary(
                    release: snapshot.facts.release, row: candidate.row, items: snapshot.items)
            }
            return ListedItem(
                rank: rank + 1, item: item.description, score: candidate.score, source: candidate.source)
        }
    }

    private func key(_ text: String) throws -> ExternalID {
        guard let key = snapshot.facts.userType.parse(text) else {
            throw ReleaseError.notAKey(text, type: snapshot.facts.userType.rawValue)
        }
        return key
    }
}
