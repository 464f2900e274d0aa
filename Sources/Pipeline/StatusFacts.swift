import Ledger

/// The status as machines read it.
struct StatusFacts: Encodable {
    var isWell: Bool
    var code: Int32
    var problems: [String]
    var notes: [String]
    var release: Int?
    var model: String?
    var ageSeconds: Double?
    var publishedAgeSeconds: Double?
    var users: Int?
    var payloadBytes: Int?
    var overlayUsers: Int?
    var transitionBuild: Int?
    var transitionsAgeSeconds: Double?
    var snapshotFollows: Bool?
    var unfinishedReleases: [Int]
    var waitingRelease: Int?
    var runsLost: Int
    var atWork: [Run]
    var commands: [Command]
    var refresh: Refresh?

    struct Refresh: Encodable {
        var usersWaiting: Int
        var oldestWaitingSeconds: Double?
        var usersDeferred: Int
        var refreshedAgeSeconds: Double?
    }

    struct Run: Encodable {
        var run: Int
        var command: String
        var seconds: Double
        var progress: Progress?
    }

    struct Progress: Encodable {
        var stage: String
        var done: Int?
        var total: Int?
        var unit: String?
        var rate: Double?
        var secondsLeft: Double?

        init(_ progress: RunPosition) {
            (stage, done, total, unit) = (progress.stage, progress.done, progress.total, progress.unit)
            (rate, secondsLeft) = (progress.rate, progress.secondsLeft)
        }
    }

    struct Command: Encodable {
        var command: String
        var run: Int
        var state: String
        var startedAt: Double
        var seconds: Double
        var lastSuccess: Int?
        var lastSuccessAt: Double?
        var error: String?
    }

    init(
        _ status: ServiceStatus, _ verdict: StatusVerdict, _ atWork: [RunRow], _ snapshot: StatusVerdict.SnapshotState
    ) {
        isWell = verdict.problems.isEmpty
        code = verdict.code.rawValue
        (problems, notes) = (verdict.problems, verdict.notes)
        let served = status.served
        (release, model, users) = (served?.release, served?.model, served?.users)
        (ageSeconds, publishedAgeSeconds) = (served?.age, served?.publishedAge)
        (payloadBytes, overlayUsers) = (served?.payloadBytes, served?.overlayUsers)
        (transitionBuild, transitionsAgeSeconds) = (served?.transitions?.build, served?.transitions?.age)
        snapshotFollows = snapshot == .notAsked ? nil : snapshot == .follows
        (unfinishedReleases, waitingRelease) = (status.unfinishedReleases, status.waitingRelease)
        runsLost = status.runsLost
        let near = status.refresh
        refresh =
            near.isFed
            ? Refresh(
                usersWaiting: near.usersWaiting, oldestWaitingSeconds: near.oldestWaiting,
                usersDeferred: near.usersDeferred, refreshedAgeSeconds: near.refreshed) : nil
        self.atWork = atWork.map {
            Run(run: $0.run, command: $0.command, seconds: $0.seconds, progress: $0.progress.map(Progress.init))
        }
        commands = status.commands.map {
            Command(
                command: $0.command, run: $0.run, state: $0.state, startedAt: $0.startedAt, seconds: $0.seconds,
                lastSuccess: $0.lastSuccess, lastSuccessAt: $0.lastSuccessAt, error: $0.error)
        }
    }
}
