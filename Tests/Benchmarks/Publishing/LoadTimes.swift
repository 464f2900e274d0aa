import Postgres

/// Seconds of one load.
struct LoadTimes {
    /// Only sending lists; with a release, encoding and ledger too.
    var copy = 0.0
    /// Processor time of that.
    var copyWork = ProcessorTime()
    /// Items and their two indexes; of a release not known apart.
    var dictionary = 0.0
    var whole = 0.0

    mutating func measureCopy(_ connection: Connection, _ body: () throws -> Void) rethrows {
        let before = ProcessorTime.now(connection.backendPID)
        copy += try seconds(body)
        copyWork += ProcessorTime.now(connection.backendPID) - before
    }
}
