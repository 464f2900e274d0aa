import Domain
import Postgres
import ResultCodec
import Testing

@Suite struct UnpackInSQLTests {
    private let database: UnpackDatabase
    private var connection: Connection { database.connection }

    init() throws {
        database = try UnpackDatabase()
        let dictionary = PayloadDictionary.drawn
        try database.connection.execute(
            "INSERT INTO nearline.payload_dictionary VALUES ($1, $2)",
            [.int(Int64(dictionary.id)), .bytes(dictionary.bytes)], doing: "storing a dictionary")
    }

    /// Scores travel as text, in PostgreSQL's shortest exact form.
    private func unpack(_ payload: [UInt8]) throws -> [Candidate] {
        let rows = try connection.execute(
            "SELECT rank, item_row, score, source FROM nearline.unpack($1)", [.bytes(payload)], doing: "unpacking")
        return try rows.enumerated().map { index, row in
            try #require(row.int("rank") == index + 1)
            let label = try row.string("source")
            return Candidate(
                row: UInt32(try row.int("item_row")), score: Float(try row.double("score")),
                source: try #require(CandidateSource.allCases.first { $0.label == label }))
        }
    }

    /// - Parameter hint: words of the hint that must be there, nil where any will do.
    private func expectCorrupted(
        hint: String?, _ payload: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: PostgresError.self, sourceLocation: sourceLocation) { try unpack(payload) }
        #expect(error?.sqlState == "XX001", "\(error?.message ?? "")", sourceLocation: sourceLocation)
        let found = error?.hint ?? ""
        #expect(hint.map(found.contains) ?? !found.isEmpty, "\(found)", sourceLocation: sourceLocation)
    }

    @Test(arguments: PayloadCodec.allCases)
    func rowsAreThoseOfTheSwiftReader(_ codec: PayloadCodec) throws {
        var drawn = DrawnList(seed: 21)
        for count in Array(0...9) + [16, 17, 33, 100, 101, 102, 103, 1000] {
            for rows in DrawnList.Rows.allCases where rows != .anyUInt32 {
                for scores in DrawnList.Scores.allCases {
                    let payload = try PayloadEncoder.encode(
                        drawn.draw(count, rows: rows, scores: scores), codec: codec, dictionary: .drawn)
                    let list = try PayloadDecoder.decode(payload, dictionary: .drawn)
                    let shape: Comment = "\(count) candidates, \(rows) rows, \(scores) scores"
                    #expect(try firstDifference(unpack(payload), list) == nil, shape)
                    guard codec.rawValue <= 2 else { continue }
                    #expect(try firstDifference(unpack(oldVersion(payload)), list) == nil, shape)
                }
            }
        }
    }

    @Test func everyFiniteFloat16IsReadAsInSwift() throws {
        let scores = (UInt16.min...UInt16.max).map { Float16(bitPattern: $0) }.filter(\.isFinite).sorted(by: >)
        let list = scores.enumerated().map { Candidate(row: UInt32($0), score: Float($1), source: .model) }
        let unpacked = try unpack(PayloadEncoder.encode(list, codec: .planes))
        #expect(firstDifference(unpacked, list) == nil)
    }

    @Test(arguments: PayloadCodec.allCases)
    func theLongestListIsReadOutOfLineStorage(_ codec: PayloadCodec) throws {
        var drawn = DrawnList(seed: 22)
        let payload = try PayloadEncoder.encode(
            drawn.draw(65535, rows: .popular, scores: .positive), codec: codec, dictionary: .drawn)
        try connection.script(
            "CREATE TABLE stored (payload bytea); ALTER TABLE stored ALTER payload SET STORAGE EXTERNAL",
            doing: "creating a table")
        try connection.execute("INSERT INTO stored VALUES ($1)", [.bytes(payload)], doing: "storing a payload")
        let rows = try connection.execute(
            "SELECT count(*) AS n, sum(item_row) AS total, max(rank) AS last FROM stored, nearline.unpack(payload)",
            doing: "unpacking")
        let list = try PayloadDecoder.decode(payload, dictionary: .drawn)
        #expect(try rows[0].int("n") == 65535)
        #expect(try rows[0].int("last") == 65535)
        #expect(try rows[0].int("total") == list.reduce(0) { $0 + Int($1.row) })
    }

    @Test func whatANewerNearlineMayHaveWrittenSaysSo() throws {
        let payload = try PayloadEncoder.encode([Candidate(row: 1, score: 1, source: .model)], codec: .planes)
        func expectNewer(_ payload: [UInt8], _ place: Int, _ value: UInt8) {
            var other = payload
            other[place] = value
            expectCorrupted(hint: "written by a newer Nearline? Run nearline migrate", sealed(other))
        }
        // Magic, version, codec, source.
        for (place, value) in [(0, 0x4D), (1, 3), (1, 0), (2, 5), (2, 255), (18, 4)] as [(Int, UInt8)] {
            expectNewer(payload, place, value)
        }
        // Codec, reserved byte, source.
        for (place, value) in [(2, 3), (2, 4), (3, 1), (20, 4)] as [(Int, UInt8)] {
            expectNewer(oldVersion(payload), place, value)
        }
        expectCorrupted(hint: "written by a newer Nearline", [])
        expectCorrupted(hint: "written by a newer Nearline", Array(payload[..<11]))
        expectCorrupted(hint: "written by a newer Nearline", Array(oldVersion(payload)[..<13]))
        #expect(try unpack(payload).count == 1)
        #expect(try unpack(oldVersion(payload)).count == 1)
    }

    @Test(arguments: PayloadCodec.allCases)
    func truncationsAndBytesTooManyAreRefused(_ codec: PayloadCodec) throws {
        var drawn = DrawnList(seed: 23)
        let list = drawn.draw(13, rows: .popular, scores: .positive)
        let payload = try PayloadEncoder.encode(list, codec: codec, dictionary: .drawn)
        for length in 12..<payload.count {
            let cut = Array(payload[..<length])
            expectCorrupted(hint: "damaged", cut)
            // With a length that agrees, falls may be taken for sources that are not known.
            expectCorrupted(hint: nil, restated(cut))
            if codec.rawValue <= 2 { expectCorrupted(hint: nil, oldVersion(restated(cut))) }
        }
        expectCorrupted(hint: "damaged", payload + [0])
        expectCorrupted(hint: nil, restated(payload + [0]))
    }

    @Test func everyFlippedBitIsRefusedInSQLToo() throws {
        var drawn = DrawnList(seed: 26)
        for codec in PayloadCodec.allCases {
            let payload = try PayloadEncoder.encode(drawn.draw(9), codec: codec, dictionary: .drawn)
            for bit in 0..<(8 * payload.count) {
                var flipped = payload
                flipped[bit / 8] ^= 1 << UInt8(bit % 8)
                expectCorrupted(hint: nil, flipped)
            }
        }
    }

    @Test func aDictionaryThatIsNotThereIsNamed() throws {
        let other = PayloadDictionary([1, 2, 3])
        let list = [Candidate(row: 1, score: 1, source: .model)]
        let payload = try PayloadEncoder.encode(list, codec: .sharedPlanes, dictionary: other)
        expectCorrupted(hint: "Dictionaries stay as long as payloads of their release", payload)
        let insert = "INSERT INTO nearline.payload_dictionary VALUES ($1, $2)"
        let error = #expect(throws: PostgresError.self) {
            try connection.execute(
                insert, [.int(Int64(other.id)), .bytes([1, 2, 4])], doing: "storing another's bytes")
        }
        #expect(error?.message.contains("dictionary_is_the_checksum_of_its_bytes") == true)
        try connection.execute(insert, [.int(Int64(other.id)), .bytes(other.bytes)], doing: "storing a dictionary")
        #expect(try unpack(payload) == list)
    }

    @Test func matchesThatBeginInTheDictionaryAndGoOnInTheOutputAreRead() throws {
        // One literal, then nine bytes from three before it: the last two of the dictionary, the literal, and over again.
        let raw = try connection.execute(
            "SELECT nearline.lz4_block($1, 15, $2) AS raw",
            [.bytes(bytes("15 01 0300 50 0a0b0c0d0e")), .bytes(bytes("07 08 09"))], doing: "decompressing")
        #expect(try raw[0].bytes("raw") == bytes("01 0809 01 0809 01 0809 01 0a0b0c0d0e"))
        let error = #expect(throws: PostgresError.self) {
            try connection.execute(
                "SELECT nearline.lz4_block($1, 15, $2)",
                [.bytes(bytes("15 01 0500 50 0a0b0c0d0e")), .bytes(bytes("07 08 09"))], doing: "decompressing")
        }
        #expect(error?.sqlState == "XX001")
    }

    /// Falls of three bytes where one would do: 13 of them use up the bytes of 39, the rest would be read from the
    /// sources and from behind the end.
    @Test func fallsThatRunThroughTheSourcesAreRefused() {
        let rows = [UInt8](repeating: 0, count: 10) + (1...40)
        let falls = Array(repeatElement([0x80, 0x80, 0x00] as [UInt8], count: 13).joined())
        let payload = sealed(codec: 1, count: 40, rows + [0, 0x80] + falls + [UInt8](repeating: 0, count: 20))
        #expect(throws: PayloadError.brokenFall(at: 14)) { try PayloadDecoder.decode(payload, dictionary: .drawn) }
        expectCorrupted(hint: "damaged", payload)
    }

    /// A payload that states the length it has, where it states it, with a correct checksum.
    private func restated(_ payload: [UInt8]) -> [UInt8] {
        guard payload[2] == 1 || payload[2] == 4 else { return sealed(payload) }
        return sealed(codec: payload[2], count: Int(payload[3]), Array(payload[12...]))
    }

    @Test func rowsBeyondInt32AreRefusedNotWrapped() throws {
        for codec in PayloadCodec.allCases {
            let fits = Candidate(row: UInt32(Int32.max), score: 1, source: .popular)
            #expect(try unpack(PayloadEncoder.encode([fits], codec: codec, dictionary: .drawn)) == [fits])
            let beyond = Candidate(row: fits.row + 1, score: 1, source: .popular)
            expectCorrupted(hint: "damaged", try PayloadEncoder.encode([beyond], codec: codec, dictionary: .drawn))
        }
    }

    @Test func mutatedPayloadsAreReadAsInSwiftOrRefused() throws {
        var drawn = DrawnList(seed: 24)
        var taken = 0
        for round in 0..<3_000 {
            let codec = PayloadCodec.allCases[round % 5]
            let list = drawn.draw(1 + drawn.random.below(20), rows: .popular, scores: .positive)
            var payload = try PayloadEncoder.encode(list, codec: codec, dictionary: .drawn)
            for _ in 0...drawn.random.below(2) {
                payload[12 + drawn.random.below(payload.count - 12)] = UInt8(truncatingIfNeeded: drawn.random.next())
            }
            if codec.rawValue <= 2 && round % 2 == 0 { payload = oldVersion(payload) }
            let swift = try? PayloadDecoder.decode(sealed(payload), dictionary: .drawn)
            do {
                let rows = try unpack(sealed(payload))
                taken += 1
                // liblz4 also asks how far from its end a block may have its last match; SQL does not.
                if swift != nil || codec != .compressedPlanes && codec != .sharedPlanes { #expect(rows == swift) }
            } catch let error as PostgresError {
                #expect(error.sqlState == "XX001", "\(error)")
                #expect(swift?.allSatisfy { $0.row <= Int32.max } != true, "\(error)")
            }
        }
        #expect((300..<2_700).contains(taken), "\(taken) taken")
    }

    @Test func malformedLZ4BlocksAreRefused() throws {
        let cases: [(String, Int)] = [
            ("", 0), ("00", 1), ("10", 1), ("20 01", 2), ("10 01", 2), ("10 01", 0), ("10 01 02", 1), ("00", -1),
            // Offset 0, offset beyond the output, half an offset, a block that ends behind a match.
            ("14 01 0000 10 02", 10), ("14 01 0200 10 02", 10), ("14 01 01", 10), ("14 01 0100", 9),
            // Lengths that go on behind the end, or past what was asked for.
            ("f0 ff", 300), ("1f 01 0100 ff", 300), ("f0 ffffffffff", 20), ("1f 01 0100 ffffffffff", 20),
        ]
        for (block, rawLength) in cases {
            let error = #expect(throws: PostgresError.self, "\(block)") {
                try connection.execute(
                    "SELECT nearline.lz4_block($1, $2)", [.bytes(bytes(block)), .int(Int64(rawLength))],
                    doing: "decompressing")
            }
            #expect(error?.sqlState == "XX001", "\(block): \(error?.message ?? "")")
            #expect(error?.hint != nil)
        }
        let whole = try connection.execute(
            "SELECT nearline.lz4_block($1, 10) AS raw", [.bytes(bytes("14 01 0100 10 02"))], doing: "decompressing")
        #expect(try whole[0].bytes("raw") == [1, 1, 1, 1, 1, 1, 1, 1, 1, 2])
    }

    @Test func everyFunctionSaysWhatItIsForAndMayRunInParallel() throws {
        let rows = try connection.execute(
            """
            SELECT proname, proparallel = 's' AND provolatile = CASE WHEN proname IN ('unpack', 'unpack_bytes') THEN 's' ELSE 'i' END AS fits,
                obj_description(oid, 'pg_proc') AS comment
            FROM pg_proc WHERE pronamespace = 'nearline'::regnamespace
            """, doing: "reading the catalogue")
        #expect(rows.count == 12)
        for row in rows {
            let name = try row.string("proname")
            #expect(try row.bool("fits"), "\(name)")
            #expect(try row.optionalString("comment") != nil, "\(name)")
        }
    }

    /// A call that stays a call would cost as much as the rest of a candidate.
    @Test func theSmallFunctionsAreInlined() throws {
        let plan = try connection.execute(
            """
            EXPLAIN (VERBOSE) SELECT nearline.half_to_real(i), nearline.source_label(i) FROM generate_series(1, 2) AS i
            """, doing: "explaining")
        let text = try plan.map { try $0.string("QUERY PLAN") }.joined()
        #expect(text.contains("CASE"))
        #expect(!text.contains("nearline."))
    }
}
