import Domain
import Postgres
import ResultCodec

/// All that a client keeps of one release: what turns its payloads into lists, and the statements that name its tables.
final class LoadedRelease {
    let decoding: ListDecoding
    let userType: IDType
    /// Those of the build that was there when they were last read; nil until somebody asks for what comes next.
    var clusters: ClusterNames?
    let fallback: [UInt8]?
    let lists: PreparedStatement
    /// By one key, and by all keys of somebody's last clusters.
    let transition: PreparedStatement
    let transitions: PreparedStatement
    /// What its payloads were compressed with; those of the overlay may have been with another.
    var dictionary: PayloadDictionary?

    var release: Release { decoding.release }

    init(
        decoding: ListDecoding, userType: IDType, fallback: [UInt8]?, dictionary: PayloadDictionary?
    ) {
        self.decoding = decoding
        self.userType = userType
        self.fallback = fallback
        self.dictionary = dictionary
        lists = .lists(of: decoding.release.number, userType: userType)
        transition = .transition(of: decoding.release.number)
        transitions = .transitions(of: decoding.release.number)
    }
}
