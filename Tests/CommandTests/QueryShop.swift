import Foundation
import Postgres
import Testing

/// A shop with three releases for `sql/queries` to be run on, and something for each of them to find. Made once for
/// each type of keys; tests only read it.
struct QueryShop: Sendable {
    enum Keys: String, CaseIterable, Sendable { case bigint, uuid, text }

    let keys: Keys
    private let template: ShopTemplate

    static func with(_ keys: Keys) throws -> QueryShop {
        switch keys {
        case .bigint: try bigint.get()
        case .uuid: try uuid.get()
        case .text: try text.get()
        }
    }

    private static let bigint = Result { try QueryShop(.bigint) }
    private static let uuid = Result { try QueryShop(.uuid) }
    private static let text = Result { try QueryShop(.text) }

    private static func removeAll() {
        guard let server = try? Connection(applicationName: "nearline-tests") else { return }
        for made in [bigint, uuid, text] { try? made.get().template.remove(through: server) }
    }

    private static let removesAllAtTheEnd: Void = { atexit { QueryShop.removeAll() } }()

    private init(_ keys: Keys) throws {
        let shop = try Shop.imported()
        try shop.execute(Self.views(keys))
        let source = [
            "NEARLINE_EVENTS": "source.events", "NEARLINE_ITEMS": "source.items",
            "NEARLINE_EXCLUSIONS": "source.exclusions",
        ]
        try shop.succeed("train", "--as-of", Shop.asOf, with: source)
        for changes in [Self.beforeTheFirst, Self.beforeTheSecond, Self.beforeTheThird] {
            try shop.execute(changes)
            try shop.succeed("precompute", "--as-of", Shop.asOf, with: source)
        }
        try shop.execute(Self.afterTheThird)
        shop.isKept = true
        self.keys = keys
        template = ShopTemplate(database: shop.database, folder: shop.folder)
        _ = Self.removesAllAtTheEnd
    }

    func connect() throws -> Connection {
        try Connection("dbname=\(template.database)", applicationName: "nearline-tests")
    }

    /// Runs psql with these arguments, with the source relations given to it where they are not the usual ones.
    func psql(_ arguments: [String], with settings: [String: String] = [:]) throws -> Ended {
        // No schema on the path: the files have to name it, as the reader's path does not hold it.
        let own = ["PGDATABASE": template.database, "PGOPTIONS": "-c search_path=pg_catalog"]
        let sources = keys == .bigint ? [] : ["events", "items", "exclusions"].map { "\($0)=source.\($0)" }
        let variables = (["ON_ERROR_STOP=1"] + sources).flatMap { ["-v", $0] }
        return try RunningCommand(
            "/usr/bin/env", ["psql", "-X", "-q"] + variables + arguments,
            environment: ProcessInfo.processInfo.environment.merging(own) { $1 }.merging(settings) { $1 },
            folder: template.folder, input: nil
        ).wait()
    }

    var folder: String { template.folder }

    /// The shop's tables with keys of another type: odd on purpose, with quotes, a comma, a backslash.
    private static func views(_ keys: Keys) -> String {
        let key =
            switch keys {
            case .bigint: "number"
            case .uuid: "('00000000-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid"
            case .text: "format('O''Neil \\ \"ö\", %s', number)"
            }
        return """
            CREATE SCHEMA source;
            CREATE FUNCTION source.key(number bigint) RETURNS \(keys.rawValue)
                LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT \(key) $$;
            CREATE VIEW source.events AS SELECT source.key(user_id) AS user_id, source.key(item_id) AS item_id,
                occurred_at, action, session_id, scene FROM shop.events;
            CREATE VIEW source.items AS SELECT source.key(item_id) AS item_id, category, seller, available, title
                FROM shop.items;
            CREATE VIEW source.exclusions AS SELECT source.key(item_id) AS item_id, source.key(user_id) AS user_id,
                reason FROM shop.exclusions;
            """
    }

    // The simulated users are 5000, 5003, ... 5177, the items 1000, 1007, ... 1833.

    private static let beforeTheFirst = "UPDATE shop.items SET available = false WHERE item_id = 1014"
    /// Users without a history have a list where something is denied to them.
    private static let beforeTheSecond =
        "INSERT INTO shop.exclusions (item_id, user_id) VALUES (1021, NULL), (1028, 5000), (1035, 5003), (1042, 8001)"
    /// So that many a list changes, and each in another way; one user goes, one comes.
    private static let beforeTheThird = """
        INSERT INTO shop.exclusions (item_id, user_id)
        SELECT i.item_id, u.user_id FROM shop.items i, (SELECT DISTINCT user_id FROM shop.events) u
        WHERE i.item_id / 7 % 25 < u.user_id / 3 % 5;
        DELETE FROM shop.exclusions WHERE user_id = 8001;
        INSERT INTO shop.exclusions (item_id, user_id) VALUES (1042, 8002);
        """

    /// Users come back and new ones appear, lists are made near-line, items are denied too late, and there is a past.
    private static let afterTheThird = """
        INSERT INTO shop.events (user_id, item_id, occurred_at, action)
        SELECT u, 1000 + 7 * n, '2026-01-02Z'::timestamptz + make_interval(hours => n), 'click'
        FROM (VALUES (5000, 3), (5003, 2), (5006, 5), (9001, 4), (9002, 1)) v (u, times), generate_series(1, times) n;
        INSERT INTO nearline.overlay (user_id, release, payload, as_of)
        SELECT source.key(made.u), 3, c.payload, '2026-01-02 02:30Z'
        FROM (VALUES (5006, 5009), (5117, 5012), (9002, 5015)) made (u, like_u)
        JOIN nearline.candidate c ON c.release = 3 AND c.user_id = source.key(made.like_u);
        INSERT INTO shop.exclusions (item_id, user_id)
        SELECT item_id, u FROM unnest(ARRAY[5006, 5009, 9001]) u, shop.items WHERE item_id / 7 % 6 = 0;
        INSERT INTO shop.exclusions (item_id) SELECT item_id FROM shop.items WHERE item_id / 7 % 10 = 3;
        INSERT INTO shop.exclusions (item_id) SELECT i.item_id
        FROM nearline.lookup(source.key(9999)) l JOIN shop.items i ON source.key(i.item_id) = l.item_id
        WHERE l.rank = 5;
        UPDATE shop.items SET available = false
        WHERE source.key(item_id) = (SELECT item_id FROM nearline.lookup(source.key(9999)) WHERE rank = 6);
        INSERT INTO nearline.release_cluster (release, cluster, name, items) VALUES (3, 999, 'a dead end', 1);
        DELETE FROM nearline.release_gate;
        INSERT INTO nearline.release_gate (release, gate, passed, figure, bound, query) VALUES
            (3, 'users', true, '60', '48', 'SELECT 1'), (3, 'short', false, '0.2', '0.05', 'SELECT 2');
        INSERT INTO nearline.run (command, state, worker, backend_pid, started_at, ended_at) VALUES
            ('doctor', 'done', '00000000-0000-0000-0000-000000000000', 1, now() - interval '180 hours', now()),
            ('doctor', 'done', '00000000-0000-0000-0000-000000000000', 1, now() - interval '6 days', now());
        """
}
