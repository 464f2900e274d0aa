import Postgres
import ResultCodec

/// Looks at the list of every transition key of a release once.
struct TransitionInspection {
    private(set) var keys = 0
    /// Keys whose list cannot be read, or names a cluster that the release does not have.
    private(set) var damaged = Offenders()

    init(of release: Int, _ decoder: ListDecoder, on connection: Connection) throws {
        let doing = "inspecting the transitions of release \(release)"
        let clusters = Set(
            try connection.execute(
                "SELECT cluster FROM nearline.release_cluster WHERE release = $1::int", [.int(Int64(release))],
                doing: doing
            ).map { UInt32(try $0.int("cluster")) })
        keys = try connection.copyOut("SELECT ctid, payload FROM \(Leaf.transition.name(release))", doing: doing) {
            row in
            guard let place = try row.bytes(), let payload = try row.bytes() else { return }
            let list = try? decoder.decode(payload)
            if list?.allSatisfy({ clusters.contains($0.row) }) != true { damaged.add(place) }
        }
    }
}
