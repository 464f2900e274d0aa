import Domain
import Postgres
import ResultCodec

/// What makes the shards of a release one whole. Killed anywhere, the next run does it again from where it is.
extension ReleaseWriter {
    /// The clusters, and for each key of the last ones those that come next.
    package func write(_ build: TransitionBuild) throws {
        try connection.transaction(doing: "storing the transitions of release \(release)") {
            try fence()
            try TransitionWriter(release: release, on: connection).storeAnew(build)
        }
        transitions = build.keys.count
    }

    /// Stores the dictionary and exposure, builds keys, counts what is there, attaches: the release is then `validated`.
    ///
    /// - Parameter clusterOfRow: the cluster of each item, -1 for none; empty where nothing is known of clusters.
    package func finish(_ vocabulary: Vocabulary, clusterOfRow: [Int32] = []) throws {
        let exposure = try exposure(items: vocabulary.count)
        try connection.transaction(doing: "writing the dictionary of release \(release)") {
            try fence()
            // Of a run that was killed here.
            try connection.execute("DELETE FROM \(Leaf.item.name(release))", doing: "clearing the dictionary")
            try writeItems(vocabulary, clusterOfRow, exposure)
        }
        for table in Leaf.allCases {
            try index(table)
            try connection.execute(
                "VACUUM (FREEZE, ANALYZE) \(table.name(release))", doing: "vacuuming \(table.name(release))")
        }
        try validate(items: vocabulary.count)
    }

    private func writeItems(
        _ vocabulary: Vocabulary, _ clusterOfRow: [Int32], _ exposure: (lists: [Int64], listsInTop: [Int64])
    ) throws {
        var key: [UInt8] = []
        _ = try connection.copyIn(
            Leaf.item.name(release), columns: ["release", "item_row", "item_id", "lists", "lists_top_10", "cluster"],
            doing: "writing the dictionary of release \(release)"
        ) { out in
            for (row, item) in vocabulary.items.enumerated() {
                key.removeAll(keepingCapacity: true)
                item.appendBinary(to: &key, type: itemType)
                try out.beginRow(fields: 6)
                out.int32(Int32(release))
                out.int32(Int32(row))
                out.bytes(key)
                out.int64(exposure.lists[row])
                out.int64(exposure.listsInTop[row])
                if row < clusterOfRow.count, clusterOfRow[row] >= 0 {
                    out.int32(clusterOfRow[row])
                } else {
                    out.null()
                }
            }
        }
    }

    /// What the lists show: as counted on the way where this process has made them all, else read from the table.
    private func exposure(items: Int) throws -> (lists: [Int64], listsInTop: [Int64]) {
        let shards = try connection.execute(
            "SELECT count(*) AS n FROM nearline.release_shard WHERE release = $1::int", [.int(Int64(release))],
            doing: "counting shards")[0].int("n")
        guard hasMiscounted || shards != ownShards else {
            return ExposureCounts.sums(([here] + beside).map(\.exposure))
        }
        var counts = ExposureCounts(items: items)
        let decoder = try ListDecoder(release: release, on: connection)
        try connection.copyOut(
            "SELECT payload FROM \(Leaf.candidate.name(release))", doing: "counting what release \(release) shows"
        ) { row in
            guard let payload = try row.bytes() else { return }
            let list = try decoder.decode(payload)
            Self.count(list, into: &counts)
        }
        return ExposureCounts.sums([counts])
    }

    private static func count(_ list: [Candidate], into counts: inout ExposureCounts) {
        counts.count(list.span)
    }

    /// Once: a run that was killed between two tables has left the first one with its key.
    private func index(_ table: Leaf) throws {
        let name = table.name(release)
        try connection.transaction(doing: "indexing \(name)") {
            try fence()
            let isIndexed = try connection.execute(
                "SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'p') AS there",
                [.text(name)], doing: "looking at \(name)")[0].bool("there")
            guard !isIndexed else { return }
            let others = table.keys.dropFirst().map { ", ADD UNIQUE (\($0))" }.joined()
            try connection.execute(
                """
                ALTER TABLE \(name) ADD PRIMARY KEY (\(table.keys[0]))\(others),
                    ADD CONSTRAINT one_release CHECK (release = \(release))
                """, doing: "indexing \(name)")
        }
    }

    /// Lists and bytes by codec, of all processes, as JSON.
    private func encoding() throws -> String {
        let figures = try connection.execute(
            """
            SELECT f.key, sum(f.value::bigint)::bigint AS n FROM nearline.release_shard s, jsonb_each_text(s.figures) f
            WHERE s.release = $1::int GROUP BY f.key
            """, [.int(Int64(release))], doing: "summing up the shards of release \(release)")
        let sums = Dictionary(
            try figures.map { (try $0.string("key"), try $0.int("n")) }, uniquingKeysWith: { first, _ in first })
        let parts = PayloadCodec.allCases.map { codec in
            "\"\(codec)\": {\"lists\": \(sums["\(codec) lists"] ?? 0), \"bytes\": \(sums["\(codec) bytes"] ?? 0)}"
        }
        return "{" + parts.joined(separator: ", ") + "}"
    }

    private func validate(items: Int) throws {
        try connection.transaction(doing: "validating release \(release)") {
            // Readers go on. All four at once and before anything gives us a snapshot: a prune that finalises a detachment
            // has one of these locks while it waits for older snapshots to go.
            let parents = Leaf.allCases.map(\.parent).joined(separator: ", ")
            try connection.execute(
                "LOCK TABLE \(parents) IN SHARE UPDATE EXCLUSIVE MODE", doing: "waiting to attach release \(release)")
            try fence()
            for (table, claimed) in [
                (Leaf.candidate, users), (.overlay, 0), (.transition, transitions), (.item, items),
            ] {
                let stored = try connection.execute(
                    "SELECT count(*) AS n FROM \(table.name(release))", doing: "counting \(table.name(release))")[0]
                    .int("n")
                guard stored == claimed else {
                    throw ReleaseError.rowsMissing(table: table.name(release), claimed: claimed, stored: stored)
                }
                try connection.execute(
                    "ALTER TABLE \(table.parent) ATTACH PARTITION \(table.name(release)) FOR VALUES IN (\(release))",
                    doing: "attaching \(table.name(release))")
            }
            try connection.execute(
                """
                UPDATE nearline.release SET state = 'validated', users = $2::bigint, items = $3::bigint,
                    transitions = $4::bigint, payload_bytes = $5::bigint, encoding = $6::jsonb
                WHERE release = $1::int AND state = 'building'
                """,
                [
                    .int(Int64(release)), .int(Int64(users)), .int(Int64(items)), .int(Int64(transitions)),
                    .int(Int64(payloadBytes)), .text(try encoding()),
                ], doing: "validating release \(release)")
        }
    }
}
