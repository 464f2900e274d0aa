import Postgres
import Testing

/// What a service or an analyst can do after `SELECT nearline.grant_reader('role')`: read what is meant for readers, of
/// every release, and nothing else. Goes through the catalogue, so that what is added to the schema later is held to it
/// too.
@Suite struct ReaderRoleTests {
    /// Everything else in the schema is the owner's; leaves go with their parents.
    private static let readable: Set = [
        "current_release", "release", "release_cluster", "release_scene", "fallback", "payload_dictionary", "candidate",
        "overlay", "transition", "release_item", "candidates", "exposure", "transitions", "releases", "release_gate",
        "transition_build", "transition_builds", "transition_churn", "interest", "interest_set", "migration",
    ]
    private static let notAllowed = "42501"

    private static func isReadable(_ relation: String) -> Bool {
        readable.contains(relation.replacing(/_r[0-9]+$/, with: ""))
    }

    /// What readers ask, of the current release and of each one that is there.
    private static func questions(_ user: String, releases: [Int]) -> [String] {
        [
            "SELECT * FROM nearline.lookup(\(user))", "SELECT * FROM nearline.lookup_many(ARRAY[\(user), -1])",
            "SELECT release, origin, as_of FROM nearline.lookup_facts(\(user))",
            "SELECT * FROM nearline.next_clusters(NULL, NULL)",
            "SELECT * FROM nearline.candidates ORDER BY user_id, rank",
            "SELECT * FROM nearline.exposure ORDER BY item_id", "SELECT * FROM nearline.transitions ORDER BY 1, 2, 3",
            "SELECT release, state, users FROM nearline.releases ORDER BY release",
            "SELECT * FROM nearline.release_diff(\(releases[0]), \(releases.last!)) ORDER BY user_id",
        ]
            + releases.flatMap {
                [
                    "SELECT * FROM nearline.lookup_in(\($0), \(user))",
                    "SELECT * FROM nearline.candidate_r\($0) ORDER BY 1",
                ]
            }
    }

    @Test func readerGetsTheOwnersAnswersFromReleasesBeforeAndAfterTheGrant() throws {
        let shop = try Shop.published()
        let reader = try ReaderRole(letInto: shop)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        let user = try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        for question in Self.questions(user, releases: [1, 2]) {
            let answer = try reader.rows(question)
            #expect(!answer.isEmpty, "\(question)")
            #expect(try answer == shop.connection.rows(question), "\(question)")
        }
    }

    @Test func readerWhoWasLetInBeforeTheFirstReleaseReadsItWhenItIsThere() throws {
        let shop = try Shop.imported()
        let reader = try ReaderRole(letInto: shop)
        try shop.succeed("train", "--as-of", Shop.asOf)
        try shop.succeed("precompute", "--as-of", Shop.asOf)
        let user = try shop.text("SELECT min(user_id)::text AS text FROM nearline.candidate")
        for question in Self.questions(user, releases: [1]) {
            #expect(try reader.rows(question) == shop.connection.rows(question), "\(question)")
        }
    }

    @Test func readerReadsWhatIsMeantForReadersAndNoOtherRelation() throws {
        let shop = try Shop.published()
        let reader = try ReaderRole(letInto: shop)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        let relations = try shop.texts(
            """
            SELECT relname::text AS text FROM pg_class
            WHERE relnamespace = 'nearline'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
            """)
        #expect(Self.readable.isSubset(of: relations))
        #expect(Set(["run", "quarantine", "model", "release_shard", "release_event"]).isSubset(of: relations))
        for relation in relations {
            let refusal = reader.refusal(of: "SELECT count(*) FROM nearline.\(relation)")
            #expect(refusal == (Self.isReadable(relation) ? nil : Self.notAllowed), "\(relation)")
        }
        for source in ["shop.events", "shop.items", "shop.exclusions"] {
            #expect(reader.refusal(of: "SELECT count(*) FROM \(source)") == Self.notAllowed, "\(source)")
        }
    }

    @Test func readerChangesNothing() throws {
        let shop = try Shop.published()
        let reader = try ReaderRole(letInto: shop)
        try shop.succeed("precompute", "--as-of", Shop.asOf, "--again")
        let tables = try shop.connection.execute(
            """
            SELECT c.relname::text AS name, quote_ident(a.attname) AS attribute FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
            WHERE c.relnamespace = 'nearline'::regnamespace AND c.relkind IN ('r', 'p')
            """, doing: "listing the tables")
        #expect(tables.count > 20)
        for table in tables {
            let name = "nearline." + (try table.string("name"))
            let attribute = try table.string("attribute")
            for change in [
                "INSERT INTO \(name) DEFAULT VALUES", "UPDATE \(name) SET \(attribute) = DEFAULT",
                "DELETE FROM \(name)",
                "TRUNCATE \(name)", "DROP TABLE \(name)", "LOCK TABLE \(name) IN SHARE MODE",
            ] {
                #expect(reader.refusal(of: change) == Self.notAllowed, "\(change)")
            }
        }
        for made in ["TABLE nearline.mine (n int)", "VIEW nearline.mine AS SELECT 1", "SCHEMA mine"] {
            #expect(reader.refusal(of: "CREATE \(made)") == Self.notAllowed, "\(made)")
        }
    }

    @Test func catalogueGivesAReaderNoRightButToRead() throws {
        let shop = try Shop.published()
        let reader = try ReaderRole(letInto: shop)
        let rights = "'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'"
        #expect(
            try reader.owned(
                """
                SELECT relname::text AS text FROM pg_class
                WHERE relnamespace = 'nearline'::regnamespace AND CASE
                    WHEN relkind = 'S' THEN has_sequence_privilege($1, oid, 'USAGE, SELECT, UPDATE')
                    WHEN relkind IN ('r', 'p', 'v', 'm', 'f') THEN has_table_privilege($1, oid, \(rights))
                        OR has_any_column_privilege($1, oid, 'INSERT, UPDATE, REFERENCES') END
                """) == [])
        #expect(
            try reader.owned(
                """
                SELECT nspname::text AS text FROM pg_namespace
                WHERE nspname IN ('nearline', 'shop') AND has_schema_privilege($1, oid, 'CREATE')
                """) == [])
    }

    /// What changes something is volatile, or runs with its owner's rights; neither is for readers.
    @Test func readerCallsNoFunctionThatCouldChangeAnything() throws {
        let shop = try Shop.published()
        let reader = try ReaderRole(letInto: shop)
        let changing = "(p.provolatile = 'v' OR p.prosecdef OR p.prokind = 'p')"
        let functions = "FROM pg_proc p WHERE p.pronamespace = 'nearline'::regnamespace AND \(changing)"
        #expect(
            try reader.owned(
                "SELECT oid::regprocedure::text AS text \(functions) AND has_function_privilege($1, oid, 'EXECUTE')")
                == [])
        let calls = try shop.texts(
            """
            SELECT format('nearline.%I(%s)', proname, (
                SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n)
                FROM unnest(proargtypes) WITH ORDINALITY a (t, n))) AS text \(functions)
            """)
        for name in ["grant_reader", "copy_grants", "create_result_tables", "create_result_functions"] {
            #expect(calls.contains { $0.hasPrefix("nearline.\(name)(") }, "\(name)")
        }
        for call in calls { #expect(reader.refusal(of: "SELECT \(call)") == Self.notAllowed, "\(call)") }
    }
}
