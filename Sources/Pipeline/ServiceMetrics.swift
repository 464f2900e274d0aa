import Ledger

/// The status as metrics: instants rather than ages, so that a file that nobody renews goes stale by itself.
///
/// docs/operations.md says what each means, and which alert goes with it.
struct ServiceMetrics {
    private var metrics = OpenMetrics()

    var text: String { metrics.text }

    /// - Parameter now: seconds since 1970.
    init(_ status: ServiceStatus, now: Double) {
        metrics.gauge(
            "nearline_metrics_written_timestamp_seconds", unit: "seconds", help: "When this file was written.", now)
        add(status.served)
        metrics.gauge(
            "nearline_release_waiting_gates_failed", help: "Gates that refused the newest release that waits.",
            Double(status.waitingGatesFailed))
        metrics.gauge(
            "nearline_releases_unfinished", help: "Releases that are being built or were left half built.",
            Double(status.unfinishedReleases.count))
        metrics.gauge("nearline_runs_at_work", help: "Runs at work.", Double(status.runsAtWork))
        metrics.gauge(
            "nearline_runs_lost", help: "Runs of the last day that ended without a word.", Double(status.runsLost))
        add(status.commands)
        add(status.refresh)
    }

    private mutating func add(_ served: ServedRelease?) {
        metrics.gauge("nearline_release", help: "Number of the current release.", served.map { Double($0.release) })
        metrics.gauge(
            "nearline_release_as_of_timestamp_seconds", unit: "seconds",
            help: "Up to when the current release has read events.", served?.asOf)
        metrics.gauge(
            "nearline_release_published_timestamp_seconds", unit: "seconds",
            help: "When the current release became current.", served?.publishedAt)
        metrics.gauge(
            "nearline_release_users", help: "Users with a list in the current release.", served.map { Double($0.users) }
        )
        metrics.gauge(
            "nearline_release_payload_bytes", unit: "bytes", help: "Bytes of all lists of the current release.",
            served.map { Double($0.payloadBytes) })
        metrics.gauge(
            "nearline_release_has_lists", help: "1 where the tables of the current release hold lists.",
            served.map { $0.hasLists ? 1 : 0 })
        metrics.gauge(
            "nearline_release_gates_failed", help: "Gates that the current release failed; it was forced then.",
            served.map { Double($0.gatesFailed) })
        metrics.gauge(
            "nearline_overlay_users", help: "Users whose lists were made anew since the release was published.",
            served.map { Double($0.overlayUsers) })
        metrics.gauge(
            "nearline_transitions_as_of_timestamp_seconds", unit: "seconds",
            help: "Up to when the served transitions have read events.", served?.transitions?.asOf)
        metrics.gauge(
            "nearline_transitions_built_timestamp_seconds", unit: "seconds",
            help: "When the served transitions were counted.", served?.transitions?.builtAt)
        metrics.gauge(
            "nearline_transition_keys", help: "Keys of the served transitions.",
            served.map { Double($0.transitionKeys) })
    }

    private mutating func add(_ refresh: RefreshStatus) {
        metrics.gauge(
            "nearline_refresh_users_waiting", help: "Users with changes whose lists are to be made anew.",
            refresh.isFed ? Double(refresh.usersWaiting) : nil)
        metrics.gauge(
            "nearline_refresh_oldest_waiting_timestamp_seconds", unit: "seconds",
            help: "Since when the first of them has waited.", refresh.isFed ? refresh.oldestWaitingAt : nil)
        metrics.gauge(
            "nearline_refresh_users_deferred", help: "Users who found the overlay full and wait for the next release.",
            refresh.isFed ? Double(refresh.usersDeferred) : nil)
        metrics.gauge(
            "nearline_refresh_timestamp_seconds", unit: "seconds",
            help: "Up to when the last refresh has read events.", refresh.refreshedAt)
    }

    private mutating func add(_ commands: [CommandStatus]) {
        func each(_ value: (CommandStatus) -> Double?) -> [(labels: [OpenMetrics.Label], value: Double)] {
            commands.compactMap { command in value(command).map { ([("command", command.command)], $0) } }
        }
        metrics.gauge(
            "nearline_run_last_success_timestamp_seconds", unit: "seconds",
            help: "When the last successful run of a command ended.", each(\.lastSuccessAt))
        metrics.gauge(
            "nearline_run_started_timestamp_seconds", unit: "seconds", help: "When the last run of a command began.",
            each(\.startedAt))
        metrics.gauge(
            "nearline_run_duration_seconds", unit: "seconds", help: "How long the last run of a command took so far.",
            each(\.seconds))
        metrics.gauge(
            "nearline_run_state", help: "1 for the state of the last run of a command, 0 for the others.",
            commands.flatMap { command in
                Self.states.map { state in
                    ([("command", command.command), ("state", state)], command.state == state ? 1 : 0)
                }
            })
        metrics.gauge(
            "nearline_run_refused_rows", help: "Rows that the last run of a command refused.",
            each { Double($0.refusedRows) })
        metrics.gauge(
            "nearline_run_peak_memory_bytes", unit: "bytes",
            help: "The most memory that the last run of a command held.",
            each { $0.peakBytes > 0 ? Double($0.peakBytes) : nil })
    }

    private static let states = ["running", "done", "failed", "stopped", "lost"]
}
