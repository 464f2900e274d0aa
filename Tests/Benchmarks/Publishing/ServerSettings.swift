import Postgres

/// What of the server's settings moves these figures.
struct ServerSettings {
    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    func report() throws {
        let rows = try connection.execute(
            """
            SELECT string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name) AS all FROM unnest(ARRAY[
                'fsync', 'synchronous_commit', 'full_page_writes', 'wal_level', 'shared_buffers', 'max_wal_size',
                'maintenance_work_mem', 'checkpoint_timeout', 'autovacuum', 'jit']) name
            """, doing: "reading settings")
        print("PostgreSQL \(connection.serverVersion), \(try rows[0].string("all"))")
    }
}
