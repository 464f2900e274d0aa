import Postgres
import Testing

/// A published shop whose events and exclusions queue users.
extension Shop {
    static func refreshing() throws -> Shop {
        let shop = try Shop.published()
        try shop.succeed("refresh", "--install")
        return shop
    }

    /// Users with a list of their own, and known items, in the order of their keys.
    func users(_ count: Int) throws -> [Int] {
        try texts(
            "SELECT user_id::text AS text FROM nearline.candidate WHERE release = 1 ORDER BY user_id LIMIT \(count)"
        )
        .map { try #require(Int($0)) }
    }

    /// What somebody does now, so that another list is right.
    static func clicks(of user: Int) -> String {
        """
        INSERT INTO shop.events (user_id, item_id, occurred_at, action)
        SELECT \(user), item_id, now(), 'purchase' FROM shop.items ORDER BY item_id DESC LIMIT 5
        """
    }

    func click(_ users: Int...) throws { for user in users { try execute(Shop.clicks(of: user)) } }

    /// Queues the user, and leaves what is known of them as it is.
    func touch(_ user: Int) throws {
        try execute(
            """
            INSERT INTO shop.exclusions (user_id, item_id) SELECT \(user), min(item_id) FROM shop.items;
            DELETE FROM shop.exclusions WHERE user_id = \(user)
            """)
    }

    func origin(_ user: Int) throws -> String {
        try text("SELECT origin AS text FROM nearline.lookup_facts(\(user))")
    }

    /// What readers get, best first.
    func list(of user: Int, inRelease release: Int? = nil) throws -> [String] {
        let call = release.map { "nearline.lookup_in(\($0), \(user))" } ?? "nearline.lookup(\(user))"
        return try texts("SELECT item_id::text AS text FROM \(call) ORDER BY rank")
    }

    func waiting() throws -> Int { try number("SELECT count(*) FROM nearline.touched") }

    func overlay() throws -> [String] {
        try texts(
            "SELECT release || ' ' || user_id AS text FROM nearline.overlay ORDER BY release, user_id")
    }
}
