import Domain
import Postgres
import ResultTables
import TestSupport
import Testing

/// Lists that have much in common are written with what they share; whoever reads them has to have it.
@Suite struct DictionaryTests {
    private let database: EmptyDatabase

    init() throws { database = try EmptyDatabase.migrated() }

    /// 400 users who, two and two, get one of four long lists, less a few items of their own.
    private func alike(seed: UInt64) -> DrawnRelease {
        var draw = SeededGenerator(seed: seed)
        let plain = DrawnRelease(seed: seed, count: 400, itemCount: 5000)
        let common = (0..<4).map { _ in Array((0..<5000).shuffled(using: &draw).prefix(110)) }
        return DrawnRelease(plain) { user in
            var rows = common[user / 2 % 4]
            for _ in 0..<3 { rows.remove(at: draw.below(rows.count)) }
            return rows.prefix(100).enumerated().map {
                Candidate(row: UInt32($1), score: 1 - Float($0) / 128, source: .popular)
            }
        }
    }

    private func dictionaries() throws -> Int {
        try database.number("SELECT count(*) FROM nearline.payload_dictionary")
    }

    @Test func theyTakeAFractionOfTheBytesAndReadTheSameEverywhere() throws {
        let drawn = alike(seed: 1), release = try database.connection.build(drawn)
        let findings = try ReleaseGates(GateBounds(), source: GateSource(), on: database.connection).check(release)
        #expect(findings.filter { [.damaged, .canary, .exposure].contains($0.gate) && !$0.passed }.isEmpty)
        try ReleaseSwitch(database.connection).publish(release)
        #expect(try dictionaries() == 1)
        let written = try database.number(
            "SELECT (encoding -> 'sharedPlanes' ->> 'lists')::int FROM nearline.release WHERE release = \(release)")
        #expect(written > 200, "lists written with the dictionary")
        for (user, list) in drawn.lists.prefix(8) {
            let expected = list.map { drawn.vocabulary.items[Int($0.row)].description }
            #expect(try CandidateLookup(database.connection).list(of: "\(user)").items.map(\.item) == expected)
            #expect(
                try database.texts("SELECT item_id::text AS it FROM nearline.lookup(\(user)) ORDER BY rank") == expected
            )
        }
    }

    @Test func aDictionaryGoesWithTheLastReleaseThatNeedsIt() throws {
        for seed in [1, 1, 2, 3] as [UInt64] { try database.connection.publish(alike(seed: seed)) }
        #expect(try dictionaries() == 3, "the first two releases share one")
        let pruner = ReleasePruner(database.connection)
        for (keep, left) in [(3, 3), (2, 2)] {
            _ = try pruner.mark(keep: keep, minAge: "0", reason: nil)
            _ = try pruner.sweep(waitMilliseconds: 1000)
            #expect(try dictionaries() == left)
        }
        #expect(try CandidateLookup(database.connection).list(of: "\(Int64.max)").isOwn)
    }

    @Test func theDictionaryOfAnotherReleaseIsNotTakenForTheRightOne() throws {
        try database.connection.publish(alike(seed: 1))
        try database.connection.publish(alike(seed: 2))
        try database.run(
            """
            UPDATE nearline.release SET dictionary = (SELECT dictionary FROM nearline.release WHERE release = 1);
            DELETE FROM nearline.payload_dictionary WHERE dictionary NOT IN (SELECT dictionary FROM nearline.release)
            """)
        let user = "\(Int64.max)"
        #expect(throws: (any Error).self) { try CandidateLookup(database.connection).list(of: user) }
        let refused = thrown(PostgresError.self) {
            try database.connection.execute("SELECT * FROM nearline.lookup(\(user))", doing: "looking up")
        }
        #expect(refused?.sqlState == "XX001" && refused?.hint != nil, "\(String(describing: refused))")
        let forged = thrown(PostgresError.self) {
            try database.run(
                "INSERT INTO nearline.payload_dictionary SELECT dictionary + 1, bytes FROM nearline.payload_dictionary")
        }
        #expect(forged?.sqlState == "23514")
    }
}
