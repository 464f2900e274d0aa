import Foundation
import Histories
import Ledger
import Model
import Postgres
import ResultTables
import Tensors
import Training

extension Settings {
    var history: HistorySettings {
        var history = HistorySettings()
        history.gapMinutes = int("gap-minutes")
        history.tokensPerUser = int("tokens")
        history.itemsPerSession = int("session-items")
        history.lifelongItems = int("lifelong-items")
        return history
    }
}

/// The steps that most jobs begin with.
extension RunContext {
    /// A connection to a database whose schema is exactly what this binary knows.
    ///
    /// - Parameter isReadOnly: every transaction on it is READ ONLY, so that a dry run cannot write by mistake.
    func connectToSchema(isReadOnly: Bool = false) throws -> Connection {
        let connection = try connect()
        if isReadOnly {
            try connection.execute("SET default_transaction_read_only = on", doing: "promising not to write")
        }
        try Migrator(connection).requireCurrent()
        now = Int64(
            try connection.execute(
                "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now", doing: "looking at the clock"
            )[0]
            .int("now"))
        return connection
    }

    /// The source as configured. A relation that is only a default may be absent, except the events.
    func source(on connection: Connection) throws -> EventSource {
        func optional(_ name: String) throws -> String? {
            let relation = settings.text(name)
            guard !relation.isEmpty else { return nil }
            guard settings.isDefault(name), let quoted = Quote.relation(relation) else { return relation }
            let found = try connection.execute(
                "SELECT to_regclass($1) IS NOT NULL AS there", [.text(quoted)], doing: "looking for \(relation)")
            return try found[0].bool("there") ? relation : nil
        }
        return try EventSource(
            SourceNames(
                events: settings.text("events"), items: try optional("items"), exclusions: try optional("exclusions")),
            on: connection)
    }

    var historySettings: HistorySettings { settings.history }

    var trainingSettings: TrainingSettings {
        var training = TrainingSettings()
        training.epochs = settings.int("epochs")
        training.usersPerBatch = settings.int("batch")
        training.negatives = settings.int("negatives")
        training.samplesByPopularity = settings.text("negative-sampling") == "popularity"
        training.learningRate = Float(settings.real("learning-rate"))
        training.weightDecay = Float(settings.real("weight-decay"))
        training.dropout = Float(settings.real("dropout"))
        training.halfLifeDays = settings.real("half-life-days")
        training.prefers = settings.text("preference-terms") == "yes"
        training.normalisesByScene = settings.text("scenes") == "apart"
        training.spectralStart = settings.text("item-start") == "together"
        training.patience = settings.int("patience")
        training.seed = UInt64(settings.int("seed"))
        training.tokensPerUser = settings.int("tokens")
        training.itemsPerSession = settings.int("session-items")
        training.lengthAlpha = settings.real("length-alpha")
        return training
    }

    var pool: WorkerPool { WorkerPool(workers: threads) }

    /// Books a run, does it, and writes its end, whatever it is.
    func booked(
        on connection: Connection, settings json: String, _ body: (RunLedger, inout RunReport) throws -> Void
    ) throws {
        let ledger = try RunLedger(command, settings: json, on: connection)
        defer { writeMetrics(on: connection) }
        var report = RunReport()
        do {
            let heartbeat = try Heartbeat(run: ledger.run, self)
            self.heartbeat = heartbeat
            watchdog = Watchdog(RunLimits(settings), activity, self)
            defer {
                self.heartbeat = nil
                heartbeat.end()
                watchdog?.end()
                watchdog = nil
            }
            try body(ledger, &report)
            report.stageSeconds = stageSeconds
            try ledger.done(report, peakBytes: peakBytes)
        } catch {
            report.stageSeconds = stageSeconds
            // A statement that a stop cancelled fails in its own words; what happened is the stop.
            let stop = StopSignal.shared.reason
            var failure = stop ?? error
            // So is a session that another run has ended, having taken this one for gone.
            if let error = failure as? PostgresError, [.unreachable, .transient].contains(error.kind),
                ledger.isGivenUp()
            {
                failure = LedgerError.lost(run: ledger.run)
            }
            ledger.failed(failure, wasStopped: stop != nil, report, peakBytes: peakBytes)
            throw failure
        }
    }

    /// Keeps a sample of refused rows, counts them, and ends the run where there are too many.
    func account(_ refused: RefusedRows, of source: EventSource, _ ledger: RunLedger, _ report: inout RunReport) throws
    {
        for (reason, count) in refused.counts { report.counts["refused: \(reason.rawValue)"] = count }
        try ledger.quarantine(refused.sample.map { (source.names.events, $0.reason.rawValue, $0.text) })
        try requireFew(refused.counts)
    }

    /// Ends the run where too many rows were refused.
    func requireFew(_ refused: [RefusedReason: Int]) throws {
        let total = refused.values.reduce(0, +)
        guard total > 0 else { return }
        let reasons = RefusedReason.allCases.compactMap { reason in refused[reason].map { "\($0) \(reason.rawValue)" } }
            .joined(separator: ", ")
        log.warning("rows were refused", metadata: ["rows": "\(total)", "reasons": "\(reasons)"])
        guard total <= settings.int("max-bad-rows") else {
            throw SourceError.tooManyBadRows(
                refused: total, allowed: settings.int("max-bad-rows"), reasons: reasons)
        }
    }

    /// The model of this name: its file where the database says, or under the same name in this host's own folder.
    func model(named name: String, on connection: Connection) throws -> ModelArtifact {
        guard let row = try ModelRegistry(connection).named(name) else { throw JobError.noModel(asOf: nil) }
        let own = settings.text("models") + "/" + URL(fileURLWithPath: row.file).lastPathComponent
        return try ModelArtifact(path: FileManager.default.fileExists(atPath: row.file) ? row.file : own)
    }

    /// The model to run: a file, or the newest that has seen nothing after `asOf`.
    func model(file: String?, asOf: Instant?, on connection: Connection) throws -> (
        name: String, artifact: ModelArtifact
    ) {
        if let file {
            let artifact = try ModelArtifact(path: file)
            return (artifact.facts["model"] ?? file, artifact)
        }
        guard let row = try ModelRegistry(connection).newest(notAfter: asOf?.text) else {
            throw JobError.noModel(asOf: asOf?.text)
        }
        return (row.model, try ModelArtifact(path: row.file))
    }
}
