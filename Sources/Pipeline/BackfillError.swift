/// Why a backfill does not begin. In every case nothing was written.
package enum BackfillError: Error, Equatable, CustomStringConvertible {
    case emptyRange(from: String, to: String)
    case laterModel(model: String, trainedTo: String, date: String)
    case badPauseCondition(String)
    case mayNotSeeReplication(role: String)
    case noFile(path: String)
    case badUsers(lines: [String], count: Int, type: String)
    case badCondition(String, reason: String)
    case slowCondition(seconds: Int)
    case tooManyUsers(limit: Int)

    package var description: String {
        switch self {
        case .emptyRange(let from, let to):
            "there is no day from \(from) to \(to), which is not one of them; give the day after the last one as --to"
        case .laterModel(let model, let trainedTo, let date):
            "model \(model) has seen events up to \(trainedTo), after \(date) began, and no other is older: its lists of that "
                + "day would know what came later; train one with --as-of, or say --with-later-model"
        case .badPauseCondition(let text):
            "'\(text)' is no condition; write replication-lag>30s, replication-lag>64MB or connections>80"
        case .mayNotSeeReplication(let role):
            "role \(role) may not see how far replicas are behind; GRANT pg_read_all_stats TO it, or leave replication-lag away"
        case .noFile(let path): "there is no file \(path) that can be read; - reads the users from standard input"
        case .badUsers(let lines, let count, let type):
            "\(count) lines are no keys of type \(type), which the users have: \(lines.joined(separator: ", "))"
                + (count > lines.count ? " ..." : "") + "; mend them, nobody's list was made"
        case .badCondition(let text, let reason):
            "--where \(text): \(reason); write what may follow WHERE in a query of the events, in one statement that reads"
        case .slowCondition(let seconds):
            "the users were not found within \(seconds) s; index what --where asks for, or give them with --users"
        case .tooManyUsers(let limit):
            "more than \(limit) users were asked for; make lists of so many with nearline precompute"
        }
    }

    /// What cron is told.
    var code: ExitCode {
        switch self {
        case .emptyRange, .badPauseCondition: .usage
        case .laterModel, .badUsers, .badCondition, .tooManyUsers: .data
        case .mayNotSeeReplication: .grants
        case .noFile: .missingInput
        case .slowCondition: .heldOrLate
        }
    }
}
