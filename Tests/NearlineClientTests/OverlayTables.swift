import Domain
import Postgres
import ResultCodec
import TestSupport

// The tables of near-line updates, as far as a migration does not make them.
extension EmptyDatabase {
    func addOverlay(to release: Int) throws {
        try run(
            """
            CREATE TABLE IF NOT EXISTS nearline.overlay_r\(release) (
                LIKE nearline.candidate_r\(release) INCLUDING STORAGE, as_of timestamptz NOT NULL,
                PRIMARY KEY (user_id))
            """)
    }

    func dropOverlay(of release: Int) throws { try run("DROP TABLE IF EXISTS nearline.overlay_r\(release)") }

    func overlay(_ user: ExternalID, _ list: [Candidate], asOf: String, release: Int) throws {
        var encoder = PayloadEncoder()
        try connection.execute(
            """
            INSERT INTO nearline.overlay_r\(release) (user_id, release, payload, as_of)
            VALUES ($1, $2::int, $3, $4::timestamptz)
            """,
            [.text(user.description), .int(Int64(release)), .bytes(try encoder.encode(list)), .text(asOf)],
            doing: "updating a user")
    }
}
