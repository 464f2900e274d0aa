import Domain
import Postgres
import ResultCodec

/// Stores builds of transitions: with a release that is being built, or in place of those of one that is served.
package struct TransitionWriter {
    private let release: Int
    private let connection: Connection

    package init(release: Int, on connection: Connection) {
        self.release = release
        self.connection = connection
    }

    private var leaf: String { Leaf.transition.name(release) }

    /// Stores the first build of a release, in tables that no reader sees yet.
    ///
    /// - Returns: the number of the build.
    @discardableResult
    func storeAnew(_ build: TransitionBuild) throws -> Int {
        try clear()
        // Of a run that was killed behind it.
        try connection.execute(
            "DELETE FROM nearline.transition_build WHERE release = $1::int", [.int(Int64(release))],
            doing: "clearing builds of release \(release)")
        return try insert(build)
    }

    private func clear() throws {
        for table in [leaf, "nearline.release_cluster", "nearline.release_scene"] {
            try connection.execute(
                "DELETE FROM \(table) WHERE release = $1::int", [.int(Int64(release))], doing: "clearing \(table)")
        }
    }

    /// Replaces the transitions of a release in one transaction: readers see those from before, then the new ones.
    ///
    /// Throws where the release is not current any more, or its build is another than the new one was compared with.
    ///
    /// - Parameters:
    ///   - stored: the build that is to be replaced.
    ///   - moved: dictionary rows whose cluster is another than before, nil for none.
    ///   - added: items that the dictionary does not have, to stand behind its rows, with their clusters.
    /// - Returns: the number of the build.
    package func replace(
        with build: TransitionBuild, inPlaceOf stored: Int, moved: [(row: Int, cluster: Int?)],
        added: [(item: ExternalID, cluster: Int)], itemType: IDType
    ) throws -> Int {
        let number = try connection.transaction(doing: "replacing the transitions of release \(release)") {
            try ServedBuild(release: release, build: stored).hold(on: connection)
            try clear()
            try move(moved)
            try add(added, itemType)
            return try insert(build)
        }
        // What is stored is served; autovacuum does this too.
        for table in [leaf, "nearline.release_cluster"] {
            _ = try? connection.execute("VACUUM (ANALYZE) \(table)", doing: "vacuuming \(table)")
        }
        return number
    }

    private func insert(_ build: TransitionBuild) throws -> Int {
        var encoder = PayloadEncoder()
        var bytes = 0
        try insertClusters(build.clusters, &encoder)
        for (place, scene) in build.scenes.enumerated() {
            try connection.execute(
                "INSERT INTO nearline.release_scene (release, scene, name) VALUES ($1::int, $2::int, $3)",
                [.int(Int64(release)), .int(Int64(place + 1)), .text(scene)], doing: "storing scenes")
        }
        _ = try connection.copyIn(
            leaf, columns: ["key", "release", "payload", "support", "detail"], doing: "writing transitions"
        ) { out in
            for key in build.keys {
                let payload = try encoder.encode(key.next)
                bytes += payload.count
                try out.beginRow(fields: 5)
                out.int64(key.key)
                out.int32(Int32(release))
                out.bytes(payload)
                out.int64(Int64(key.support))
                out.bytes(TransitionDetail.bytes(of: key.details))
            }
        }
        return try book(build, payloadBytes: bytes)
    }

    private func insertClusters(_ clusters: [TransitionBuild.Cluster], _ encoder: inout PayloadEncoder) throws {
        _ = try connection.copyIn(
            "nearline.release_cluster", columns: ["release", "cluster", "name", "items", "events", "popular"],
            doing: "writing clusters"
        ) { out in
            for (number, cluster) in clusters.enumerated() {
                try out.beginRow(fields: 6)
                out.int32(Int32(release))
                out.int32(Int32(number))
                out.text(cluster.name)
                out.int64(Int64(cluster.items))
                out.int64(Int64(cluster.events))
                out.bytes(try encoder.encode(cluster.popular))
            }
        }
    }

    private func book(_ build: TransitionBuild, payloadBytes: Int) throws -> Int {
        let facts = build.facts
        if let codebook = facts.codebook {
            try connection.execute(
                """
                INSERT INTO nearline.codebook AS c (codebook, bytes, learned_from) VALUES ($1, $2, $3)
                ON CONFLICT (codebook) DO UPDATE SET learned_from = coalesce(excluded.learned_from, c.learned_from)
                """,
                [.text(codebook.name), .bytes(codebook.bytes), Parameter(codebook.learnedFrom)],
                doing: "storing the codebook")
        }
        let number = try connection.execute(
            """
            INSERT INTO nearline.transition_build (release, as_of, cluster_source, codebook, input_hash, settings,
                clusters, keys, transitions, payload_bytes, figures, refresh_hours, reason)
            VALUES ($1::int, $2::timestamptz, $3, $4, $5, $6::jsonb, $7::int, $8::bigint, $9::bigint, $10::bigint,
                $11::jsonb, $12::real, $13) RETURNING build
            """,
            [
                .int(Int64(release)), .text(facts.asOf), .text(facts.clusterSource.rawValue),
                Parameter(facts.codebook?.name), .text(facts.inputHash), .text(facts.settings),
                .int(Int64(build.clusters.count)), .int(Int64(build.keys.count)), .int(Int64(facts.transitions)),
                .int(Int64(payloadBytes)), .text(facts.figures), Parameter(facts.refreshHours.map { "\($0)" }),
                Parameter(facts.reason),
            ], doing: "booking a build of transitions")[0].int("build")
        for churn in build.churn {
            try connection.execute(
                """
                INSERT INTO nearline.transition_churn (build, against, support, keys, iou)
                VALUES ($1::int, $2, $3, $4::bigint, $5::real)
                """,
                [
                    .int(Int64(number)), .text(churn.against), .text(churn.support), .int(Int64(churn.keys)),
                    .text("\(churn.overlap)"),
                ], doing: "booking churn")
        }
        try connection.execute(
            "UPDATE nearline.release SET transition_build = $2::int, transitions = $3::bigint WHERE release = $1::int",
            [.int(Int64(release)), .int(Int64(number)), .int(Int64(build.keys.count))],
            doing: "noting the build of release \(release)")
        return number
    }

    /// Items whose cluster is another one now, by way of a table of this transaction.
    private func move(_ moved: [(row: Int, cluster: Int?)]) throws {
        guard !moved.isEmpty else { return }
        try connection.execute(
            "CREATE TEMPORARY TABLE moved_item (item_row int, cluster int) ON COMMIT DROP", doing: "moving items")
        _ = try connection.copyIn("pg_temp.moved_item", columns: ["item_row", "cluster"], doing: "moving items") {
            out in
            for (row, cluster) in moved {
                try out.beginRow(fields: 2)
                out.int32(Int32(row))
                if let cluster { out.int32(Int32(cluster)) } else { out.null() }
            }
        }
        try connection.execute(
            """
            UPDATE \(Leaf.item.name(release)) i SET cluster = m.cluster FROM pg_temp.moved_item m
            WHERE i.item_row = m.item_row
            """, doing: "moving items")
    }

    private func add(_ added: [(item: ExternalID, cluster: Int)], _ type: IDType) throws {
        guard !added.isEmpty else { return }
        let table = Leaf.item.name(release)
        let first = try connection.execute(
            "SELECT coalesce(max(item_row) + 1, 0) AS first FROM \(table)", doing: "counting items")[0].int("first")
        var key: [UInt8] = []
        _ = try connection.copyIn(
            table, columns: ["release", "item_row", "item_id", "lists", "lists_top_10", "cluster"],
            doing: "adding items"
        ) { out in
            for (place, (item, cluster)) in added.enumerated() {
                key.removeAll(keepingCapacity: true)
                item.appendBinary(to: &key, type: type)
                try out.beginRow(fields: 6)
                out.int32(Int32(release))
                out.int32(Int32(first + place))
                out.bytes(key)
                out.int64(0)
                out.int64(0)
                out.int32(Int32(cluster))
            }
        }
        try connection.execute(
            "UPDATE nearline.release SET items = items + $2::bigint WHERE release = $1::int",
            [.int(Int64(release)), .int(Int64(added.count))], doing: "counting items")
    }
}
