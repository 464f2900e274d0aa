import Domain
import Postgres
import ResultCodec

/// Reads the stored lists of one release: the one place that knows what besides the bytes that takes.
struct ListDecoder: Sendable {
    let dictionary: PayloadDictionary?

    init(dictionary: [UInt8]?) { self.dictionary = dictionary.map { PayloadDictionary($0) } }

    /// - Parameter number: any release; one without a dictionary needs none.
    init(release number: Int, on connection: Connection) throws {
        let row = try connection.execute(
            """
            SELECT bytes FROM nearline.release JOIN nearline.payload_dictionary USING (dictionary)
            WHERE release = $1::int
            """, [.int(Int64(number))], doing: "reading the payload dictionary of release \(number)"
        ).first
        self.init(dictionary: try row?.bytes("bytes"))
    }

    /// An encoder whose lists the readers of this release can read.
    var encoder: PayloadEncoder { PayloadEncoder(dictionary: dictionary) }

    func decode(_ payload: UnsafeRawBufferPointer) throws(PayloadError) -> [Candidate] {
        try PayloadDecoder.decode(payload, dictionary: dictionary)
    }

    func decode(_ payload: [UInt8]) throws(PayloadError) -> [Candidate] {
        try PayloadDecoder.decode(payload, dictionary: dictionary)
    }
}
