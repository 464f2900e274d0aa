import Domain
import Postgres
import ResultCodec

/// All that a client keeps of one release: what turns its payloads into lists, and the statements that name its tables.
final class LoadedRelease {
    let decoding: ListDecoding
    let userType: IDType
    let clusters: [String]
    let fallback: [UInt8]?
    let lists: PreparedStatement
    let transitions: PreparedStatement
    /// What its payloads were compressed with; those of the overlay may have been with another.
    var dictionary: PayloadDictionary?
    private let clusterRows: [ExternalKey: Int]

    var release: Release { decoding.release }

    init(
        decoding: ListDecoding, userType: IDType, clusters: [String], fallback: [UInt8]?,
        dictionary: PayloadDictionary?
    ) {
        self.decoding = decoding
        self.userType = userType
        self.clusters = clusters
        self.fallback = fallback
        self.dictionary = dictionary
        lists = .lists(of: decoding.release.number, userType: userType)
        transitions = .transitions(of: decoding.release.number)
        clusterRows = Dictionary(
            clusters.enumerated().map { (.text($1), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The keys to look up what comes next by: of the pair and of the latest alone, nil where a name is not known.
    func transitionKeys(older: String?, latest: String?) -> (pair: Int64?, latest: Int64?) {
        guard let latest = latest.flatMap({ clusterRows[.text($0)] }) else { return (nil, nil) }
        let older = older.flatMap { clusterRows[.text($0)] }
        return (
            older.map { TransitionKey(older: $0, latest: latest).value },
            TransitionKey(older: nil, latest: latest).value
        )
    }
}
