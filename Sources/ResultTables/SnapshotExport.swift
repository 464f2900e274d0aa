import Domain
import Postgres
import Snapshots

/// Writes the snapshot file of a release: the same payload bytes, for services that cannot afford a round trip.
package struct SnapshotExport {
    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// What the file of this release says about it; equal facts mean the same release of the same database, with the
    /// same transitions: it is as old as these.
    package func facts(of number: Int) throws -> SnapshotFacts {
        let row = try connection.execute(
            """
            SELECT model, (extract(epoch FROM as_of) * 1000000)::bigint AS as_of,
                (extract(epoch FROM serve_at) * 1000000)::bigint AS serve_at,
                (extract(epoch FROM greatest(created_at, (SELECT b.built_at FROM nearline.transition_build b
                    WHERE b.build = transition_build))) * 1000000)::bigint AS created_at,
                (SELECT format_type(atttypid, NULL) FROM pg_attribute
                    WHERE attrelid = 'nearline.candidate'::regclass AND attname = 'user_id') AS user_type,
                (SELECT format_type(atttypid, NULL) FROM pg_attribute
                    WHERE attrelid = 'nearline.release_item'::regclass AND attname = 'item_id') AS item_type
            FROM nearline.release WHERE release = $1::int AND pruned_at IS NULL
            """, [.int(Int64(number))], doing: "reading the facts of release \(number)"
        ).first
        guard let row else { throw ReleaseError.pruned(release: number) }
        guard let userType = IDType(postgresName: try row.string("user_type")),
            let itemType = IDType(postgresName: try row.string("item_type"))
        else { throw ReleaseError.unknown(release: number) }
        return SnapshotFacts(
            release: number, model: try row.string("model"), asOf: Int64(try row.int("as_of")),
            serveAt: Int64(try row.int("serve_at")), createdAt: Int64(try row.int("created_at")), publishedAt: nil,
            userType: userType, itemType: itemType)
    }

    /// Writes the file of a validated or served release into the folder, in place of what is there by that name.
    ///
    /// - Parameter progress: called now and then with the number of users so far.
    /// - Returns: the size of the file.
    package func write(
        _ number: Int, into folder: SnapshotFolder, progress: (Int) throws -> Void
    ) throws -> Int {
        try connection.transaction(.readOnlySnapshot, doing: "writing a snapshot of release \(number)") {
            let writer = try SnapshotWriter(path: folder.file(of: number), facts: facts(of: number))
            // By key, so that the same lists give the same file however they were written.
            try connection.copyOut(
                "SELECT user_id, payload FROM \(Leaf.candidate.name(number)) ORDER BY user_id",
                doing: "reading the lists of release \(number)"
            ) { row in
                guard let key = try row.bytes() else { return try row.skipRest() }
                guard let payload = try row.bytes() else { return }
                try writer.add(user: key, payload: payload)
                if writer.users % 65_536 == 0 { try progress(writer.users) }
            }
            try connection.copyOut(
                "SELECT item_id FROM \(Leaf.item.name(number)) ORDER BY item_row",
                doing: "reading the dictionary of release \(number)"
            ) { row in if let key = try row.bytes() { try writer.add(item: key) } }
            try addTransitions(of: number, to: writer)
            return try writer.finish()
        }
    }

    private func addTransitions(of number: Int, to writer: SnapshotWriter) throws {
        try connection.copyOut(
            "SELECT key, payload FROM \(Leaf.transition.name(number)) ORDER BY key",
            doing: "reading the transitions of release \(number)"
        ) { row in
            let key = try row.int64()
            if let payload = try row.bytes() { writer.add(transition: key, payload: Array(payload)) }
        }
        let release = [Parameter.int(Int64(number))]
        for row in try connection.execute(
            "SELECT name FROM nearline.release_cluster WHERE release = $1::int ORDER BY cluster", release,
            doing: "reading the clusters of release \(number)")
        {
            writer.add(cluster: try row.string("name"))
        }
        if let row = try connection.execute(
            "SELECT payload FROM nearline.fallback WHERE release = $1::int", release, doing: "reading the fallback list"
        ).first {
            writer.set(fallback: try row.bytes("payload"))
        }
        if let row = try connection.execute(
            """
            SELECT bytes FROM nearline.release JOIN nearline.payload_dictionary USING (dictionary)
            WHERE release = $1::int
            """, release, doing: "reading the payload dictionary"
        ).first {
            writer.set(payloadDictionary: try row.bytes("bytes"))
        }
    }
}
