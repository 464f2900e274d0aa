import Domain
import Glibc
import Postgres
import ResultCodec

/// The lists of the current release of a database.
struct StoredLists {
    let connection: Connection

    init(database: String) throws {
        connection = try Connection("dbname=\(database)", applicationName: "codec-figures")
    }

    func read() throws -> [[Candidate]] {
        let dictionaries = try dictionaries()
        var lists: [[Candidate]] = []
        let query = """
            SELECT c.payload FROM nearline.candidate c
            WHERE c.release = (SELECT release FROM nearline.current_release) ORDER BY c.user_id
            """
        try connection.copyOut(query, doing: "reading lists") { row in
            guard let payload = try row.bytes() else { return }
            let id =
                payload.count >= 16 && payload[2] == 3 ? payload.loadUnaligned(fromByteOffset: 12, as: UInt32.self) : 0
            lists.append(try PayloadDecoder.decode(payload, dictionary: dictionaries[id]))
        }
        return lists
    }

    private func dictionaries() throws -> [UInt32: PayloadDictionary] {
        let rows = try connection.execute(
            "SELECT bytes FROM nearline.payload_dictionary", doing: "reading dictionaries")
        return try rows.reduce(into: [:]) { dictionaries, row in
            let dictionary = PayloadDictionary(try row.bytes("bytes"))
            dictionaries[dictionary.id] = dictionary
        }
    }

    /// Milliseconds of the server's processor that `nearline.unpack` takes for all candidates of these payloads, the least of five.
    func unpackMilliseconds(_ payloads: [[UInt8]]) throws -> Double {
        try connection.script(
            "DROP TABLE IF EXISTS pg_temp.payloads; CREATE TEMP TABLE payloads (payload bytea)", doing: "making a table"
        )
        _ = try connection.copyIn("payloads", columns: ["payload"], doing: "storing payloads") { out in
            for payload in payloads {
                try out.beginRow(fields: 1)
                out.bytes(payload)
            }
        }
        return try (0..<5).map { _ in
            let begin = serverNanoseconds()
            _ = try connection.execute(
                "SELECT sum(u.item_row), sum(u.score) FROM payloads, nearline.unpack(payload) u", doing: "unpacking")
            return Double(serverNanoseconds() - begin) / 1e6
        }.min() ?? .nan
    }

    /// Processor time of the session's server process, which has to be on this machine: the first number of `schedstat`.
    private func serverNanoseconds() -> Int {
        guard let file = fopen("/proc/\(connection.backendPID)/schedstat", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        return strtol(line, nil, 10)
    }
}
