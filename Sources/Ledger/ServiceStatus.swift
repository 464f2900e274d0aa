import Postgres

/// What is served, what waits and what runs, as `nearline.status` and `nearline.run_status` say it.
package struct ServiceStatus: Sendable {
    /// nil where nothing was ever published.
    package var served: ServedRelease?
    package var unfinishedReleases: [Int] = []
    package var waitingRelease: Int?
    package var waitingGatesFailed = 0
    package var runsAtWork = 0
    package var runsLost = 0
    package var commands: [CommandStatus] = []
    package var refresh = RefreshStatus()

    package init(
        served: ServedRelease? = nil, unfinishedReleases: [Int] = [], waitingRelease: Int? = nil,
        waitingGatesFailed: Int = 0, runsAtWork: Int = 0, runsLost: Int = 0, commands: [CommandStatus] = [],
        refresh: RefreshStatus = RefreshStatus()
    ) {
        self.refresh = refresh
        self.served = served
        self.unfinishedReleases = unfinishedReleases
        self.waitingRelease = waitingRelease
        self.waitingGatesFailed = waitingGatesFailed
        self.runsAtWork = runsAtWork
        self.runsLost = runsLost
        self.commands = commands
    }
}

/// The current release. Instants are seconds since 1970, ages seconds.
package struct ServedRelease: Sendable {
    package var release: Int
    package var model: String
    package var asOf: Double
    package var age: Double
    package var publishedAt: Double
    package var publishedAge: Double
    package var users: Int
    package var payloadBytes: Int
    package var transitionKeys: Int
    package var hasLists: Bool
    /// More than none where somebody forced it.
    package var gatesFailed: Int
    package var overlayUsers: Int
    package var transitions: TransitionsStatus?

    package init(
        release: Int, model: String, asOf: Double, age: Double, publishedAt: Double, publishedAge: Double, users: Int,
        payloadBytes: Int, transitionKeys: Int, hasLists: Bool, gatesFailed: Int, overlayUsers: Int,
        transitions: TransitionsStatus?
    ) {
        (self.release, self.model, self.users, self.payloadBytes) = (release, model, users, payloadBytes)
        (self.asOf, self.age, self.publishedAt, self.publishedAge) = (asOf, age, publishedAt, publishedAge)
        (self.transitionKeys, self.transitions, self.hasLists) = (transitionKeys, transitions, hasLists)
        (self.gatesFailed, self.overlayUsers) = (gatesFailed, overlayUsers)
    }
}

/// The build of transitions that the current release has. Instants are seconds since 1970, the age is of its events.
package struct TransitionsStatus: Sendable {
    package var build: Int
    package var asOf: Double
    package var age: Double
    package var builtAt: Double
}

/// The near-line path. Instants are seconds since 1970, ages seconds.
package struct RefreshStatus: Sendable {
    /// Whether anything queues users.
    package var isFed = false
    package var usersWaiting = 0
    package var oldestWaitingAt: Double?
    package var oldestWaiting: Double?
    /// Users who found the overlay full.
    package var usersDeferred = 0
    package var refreshedAt: Double?
    package var refreshed: Double?

    package init() {}
}

/// The last run of a command, and the last one that was successful. Instants are seconds since 1970.
package struct CommandStatus: Sendable {
    package var command: String
    package var run: Int
    package var state: String
    package var startedAt: Double
    package var startedText: String
    package var seconds: Double
    package var lastSuccess: Int?
    package var lastSuccessAt: Double?
    package var lastSuccessText: String?
    package var refusedRows: Int
    package var peakBytes: Int
    package var error: String?
}

extension ServiceStatus {
    /// One snapshot for all of it.
    package init(on connection: Connection) throws {
        let doing = "reading the status"
        let (row, commands, refresh) = try connection.transaction(.readOnlySnapshot, doing: doing) {
            (
                try connection.execute(Self.query, doing: doing)[0],
                try connection.execute(CommandStatus.query, doing: doing).map(CommandStatus.init),
                try RefreshStatus(connection.execute(RefreshStatus.query, doing: doing)[0])
            )
        }
        self.init(
            served: try row.optionalInt("release").map { try ServedRelease(release: $0, row) },
            unfinishedReleases: try row.string("unfinished").split(separator: ",").compactMap { Int($0) },
            waitingRelease: try row.optionalInt("waiting_release"),
            waitingGatesFailed: try row.int("waiting_gates_failed"), runsAtWork: try row.int("runs_at_work"),
            runsLost: try row.int("runs_lost"), commands: commands, refresh: refresh)
    }

    private static let query = """
        SELECT *, extract(epoch FROM as_of)::float8 AS as_of_seconds, extract(epoch FROM age)::float8 AS age_seconds,
            extract(epoch FROM published_at)::float8 AS published_seconds,
            extract(epoch FROM published_age)::float8 AS published_age_seconds,
            extract(epoch FROM transitions_as_of)::float8 AS transitions_as_of_seconds,
            extract(epoch FROM transitions_age)::float8 AS transitions_age_seconds,
            extract(epoch FROM transitions_built_at)::float8 AS transitions_built_seconds,
            array_to_string(unfinished_releases, ',') AS unfinished FROM nearline.status
        """
}

extension ServedRelease {
    fileprivate init(release: Int, _ row: Row) throws {
        self.init(
            release: release, model: try row.string("model"), asOf: try row.double("as_of_seconds"),
            age: try row.double("age_seconds"), publishedAt: try row.double("published_seconds"),
            publishedAge: try row.double("published_age_seconds"), users: try row.optionalInt("users") ?? 0,
            payloadBytes: try row.optionalInt("payload_bytes") ?? 0,
            transitionKeys: try row.optionalInt("transitions") ?? 0, hasLists: try row.bool("has_lists"),
            gatesFailed: try row.int("gates_failed"), overlayUsers: try row.int("overlay_users"),
            transitions: try row.optionalInt("transition_build").map { build in
                TransitionsStatus(
                    build: build, asOf: try row.double("transitions_as_of_seconds"),
                    age: try row.double("transitions_age_seconds"),
                    builtAt: try row.double("transitions_built_seconds"))
            })
    }
}

extension RefreshStatus {
    fileprivate static let query = """
        SELECT is_fed, users_waiting, users_deferred, extract(epoch FROM oldest_waiting_at)::float8 AS oldest_at,
            extract(epoch FROM oldest_waiting)::float8 AS oldest, extract(epoch FROM refreshed_at)::float8 AS refreshed_at,
            extract(epoch FROM refreshed)::float8 AS refreshed FROM nearline.refresh_status
        """

    fileprivate init(_ row: Row) throws {
        (isFed, usersWaiting) = (try row.bool("is_fed"), try row.int("users_waiting"))
        (oldestWaitingAt, oldestWaiting) = (try row.optionalDouble("oldest_at"), try row.optionalDouble("oldest"))
        (refreshedAt, refreshed) = (try row.optionalDouble("refreshed_at"), try row.optionalDouble("refreshed"))
        usersDeferred = try row.int("users_deferred")
    }
}

extension CommandStatus {
    fileprivate static let query = """
        SELECT command, run, state, extract(epoch FROM started_at)::float8 AS started_seconds,
            to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS started_text,
            extract(epoch FROM took)::float8 AS seconds, last_success,
            extract(epoch FROM last_success_at)::float8 AS success_seconds,
            to_char(last_success_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS success_text,
            refused_rows, coalesce(peak_bytes, 0) AS peak_bytes, error
        FROM nearline.run_status ORDER BY command
        """

    fileprivate init(_ row: Row) throws {
        self.init(
            command: try row.string("command"), run: try row.int("run"), state: try row.string("state"),
            startedAt: try row.double("started_seconds"), startedText: try row.string("started_text"),
            seconds: try row.double("seconds"), lastSuccess: try row.optionalInt("last_success"),
            lastSuccessAt: try row.optionalDouble("success_seconds"),
            lastSuccessText: try row.optionalString("success_text"), refusedRows: try row.int("refused_rows"),
            peakBytes: try row.int("peak_bytes"), error: try row.optionalString("error"))
    }
}
