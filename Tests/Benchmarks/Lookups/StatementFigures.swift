import Domain
import Glibc
import NearlineClient
import Postgres
import ResultCodec

/// What a lookup costs the server: the time that its process ran, from the kernel, over the number of lookups.
struct StatementFigures {
    private let loaded: LoadedFigures
    private let rounds: Int
    private let client: NearlineClient
    private let plain: Connection
    private let plainStatement = PreparedStatement(
        name: "plain", sql: "SELECT payload FROM plain WHERE user_id = $1", parameterTypes: [20])
    private let functionStatement = PreparedStatement(
        name: "function", sql: "SELECT * FROM nearline.lookup($1)", parameterTypes: [20])
    private let plainTransitionStatement = PreparedStatement(
        name: "plain_transition", sql: "SELECT payload FROM plain_transition WHERE key = $1", parameterTypes: [20])
    /// As a service in another language would ask: the pointer is read in the same snapshot.
    private let payloadStatement = PreparedStatement(
        name: "payload",
        sql: """
            SELECT payload FROM nearline.transition WHERE key = $1
                AND release = (SELECT release FROM nearline.current_release WHERE only_row)
            """, parameterTypes: [20])
    private let nextClustersStatement = PreparedStatement(
        name: "next_clusters", sql: "SELECT * FROM nearline.next_clusters($1, $2)", parameterTypes: [25, 25])

    /// Short turns, and many of them: other work on the machine then meets all variants alike.
    private static let lookups = 2_000
    private static let turnsPerRound = 8
    private static let batch = 100

    init(_ loaded: LoadedFigures, rounds: Int, isPinned: Bool) throws {
        self.loaded = loaded
        self.rounds = rounds
        client = try NearlineClient("dbname=\(loaded.database)")
        // One server process for all, so that none has warmer caches than another.
        plain = client.session.connection
        try plain.prepare(plainStatement, doing: "preparing")
        for statement in [functionStatement, plainTransitionStatement, payloadStatement, nextClustersStatement] {
            try plain.prepare(statement, doing: "preparing")
        }
        if isPinned {
            for process in [0, client.backendPID] { keepOnOneCore(process) }
        }
    }

    func print() throws {
        guard serverTime(client.backendPID) != nil else {
            Swift.print("\nThe server is on another machine: its processor time is not measured.")
            return
        }
        try printTurns(of: "lists", variants, seed: 3) { loaded.lists.key($0.below(loaded.lists.users)) }
        try printTurns(of: "what comes next", transitionVariants, seed: 5) { draw in
            Int64(draw.below(loaded.transitions.count))
        }
    }

    private struct Variant {
        let name: String
        let lookups: Int
        let run: ([Int64]) throws -> Void
        var server: [Double] = []
        var wall: [Double] = []
    }

    /// The first variant is what the others are measured by.
    private func printTurns(
        of what: String, _ variants: [Variant], seed: UInt64, key: (inout SeededGenerator) -> Int64
    ) throws {
        var variants = variants
        var draw = SeededGenerator(seed: seed)
        for turn in -1..<rounds * Self.turnsPerRound {
            for index in variants.indices {
                let keys = (0..<variants[index].lookups).map { _ in key(&draw) }
                let before = serverTime(client.backendPID)!
                let start = nanoseconds()
                try variants[index].run(keys)
                let wall = Double(nanoseconds() - start)
                let server = Double(serverTime(client.backendPID)! - before)
                // The first turn only warms.
                guard turn >= 0 else { continue }
                variants[index].server.append(server / Double(keys.count) / 1000)
                variants[index].wall.append(wall / Double(keys.count) / 1000)
            }
        }
        let base = median(variants[0].server)
        Swift.print(
            "\n| \(what) in PostgreSQL, one connection | server us | of plain | whole us |\n"
                + "| --- | ---: | ---: | ---: |")
        for variant in variants {
            let server = median(variant.server)
            let figures = [text(server), text(server / base, digits: 2), text(median(variant.wall))]
            Swift.print("| \(variant.name) | \(figures.joined(separator: " | ")) |")
        }
    }

    private var variants: [Variant] {
        var list = CandidateList()
        var decoded: [Candidate] = []
        return [
            Variant(name: "plain table, prepared, decoded", lookups: Self.lookups) { keys in
                for key in keys {
                    let rows = try ask(plainStatement, key)
                    try rows.withField(0, 0) { try PayloadDecoder.decode($0!, into: &decoded) }
                }
            },
            Variant(name: "NearlineClient, decoded", lookups: Self.lookups) { keys in
                for key in keys {
                    try client.candidates(for: .integer(key), into: &list)
                    guard list.items.count == DrawnLists.length else { throw FiguresError.wrongAnswer("the client") }
                }
            },
            Variant(
                name: "NearlineClient, \(Self.batch) at a time", lookups: Self.lookups
            ) { keys in
                for start in stride(from: 0, to: keys.count, by: Self.batch) {
                    _ = try client.candidates(for: keys[start..<start + Self.batch].map { .integer($0) })
                }
            },
            Variant(name: "nearline.lookup()", lookups: Self.lookups / 20) { keys in
                for key in keys { _ = try ask(functionStatement, key) }
            },
        ]
    }

    private var transitionVariants: [Variant] {
        var decoded: [Candidate] = []
        let transitions = loaded.transitions
        return [
            Variant(name: "plain table, prepared, decoded", lookups: Self.lookups) { places in
                for place in places {
                    let rows = try ask(plainTransitionStatement, transitions.key(Int(place)))
                    try rows.withField(0, 0) { try PayloadDecoder.decode($0!, into: &decoded) }
                }
            },
            Variant(name: "prepared SQL: payload by key, of the current release", lookups: Self.lookups) { places in
                for place in places {
                    let rows = try ask(payloadStatement, transitions.key(Int(place)))
                    try rows.withField(0, 0) { try PayloadDecoder.decode($0!, into: &decoded) }
                }
            },
            Variant(name: "NearlineClient, by names, with names", lookups: Self.lookups) { places in
                for place in places {
                    let next = try client.nextClusters(after: transitions.names(Int(place)))
                    guard next.basis == .pair, next.places.count == DrawnTransitions.successors else {
                        throw FiguresError.wrongAnswer("the client")
                    }
                }
            },
            Variant(name: "NearlineClient, a pair that is not there", lookups: Self.lookups) { places in
                for place in places {
                    let next = try client.nextClusters(after: transitions.unknownPair(Int(place)))
                    guard next.basis == .latest else { throw FiguresError.wrongAnswer("the client") }
                }
            },
            Variant(name: "nearline.next_clusters()", lookups: Self.lookups / 20) { places in
                for place in places {
                    let names = transitions.names(Int(place)).map { Array($0.utf8) }
                    let rows = try plain.ask(nextClustersStatement, names, doing: "asking")
                    guard rows.count == DrawnTransitions.successors else {
                        throw FiguresError.wrongAnswer("nearline.next_clusters")
                    }
                }
            },
        ]
    }

    private func ask(_ statement: PreparedStatement, _ key: Int64) throws -> BinaryRows {
        let rows = try plain.ask(statement, [withUnsafeBytes(of: key.bigEndian) { Array($0) }], doing: "asking")
        guard rows.count > 0 else { throw FiguresError.wrongAnswer(statement.name) }
        return rows
    }
}

/// Nanoseconds that a process has run; nil where it is not on this machine.
private func serverTime(_ process: Int32) -> UInt64? {
    guard let file = fopen("/proc/\(process)/schedstat", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return nil }
    return String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        .split(separator: " ").first.flatMap { UInt64($0) }
}

private func keepOnOneCore(_ process: Int32) {
    // A GNU extension, which the compiler's view of the C library leaves out.
    typealias SetAffinity = @convention(c) (Int32, Int, UnsafeRawPointer) -> Int32
    let setAffinity = unsafeBitCast(dlsym(nil, "sched_setaffinity"), to: SetAffinity.self)
    var cores: [UInt64] = [1]
    _ = setAffinity(process, MemoryLayout<UInt64>.size, &cores)
}
