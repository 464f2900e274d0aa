import Histories
import Importing
import Ledger
import Pipeline
import Postgres
import ResultCodec
import ResultTables
import Safetensors
import Testing

/// What cron is told: each kind of failure has the code that its handling depends on.
@Suite struct ExitCodeTests {
    private func code(_ error: any Error) -> ExitCode { ExitCode(for: error) }

    private func server(_ state: String?) -> PostgresError { PostgresError(doing: "x", sqlState: state, message: "m") }

    @Test func codesAreThoseOfSysexits() {
        let codes: [ExitCode] = [
            .done, .usage, .data, .missingInput, .databaseUnreachable, .internalFault, .fileFault, .heldOrLate,
            .schemaVersion, .grants, .configuration,
        ]
        #expect(codes.map(\.rawValue) == [0, 64, 65, 66, 69, 70, 74, 75, 76, 77, 78])
    }

    @Test(
        arguments: [
            ("08006", ExitCode.databaseUnreachable), ("57P01", .databaseUnreachable), ("3D000", .databaseUnreachable),
            ("28P01", .grants), ("42501", .grants), ("42P01", .missingInput), ("42703", .data), ("22P02", .data),
            ("22021", .data), ("42804", .data), ("53100", .fileFault), ("40001", .heldOrLate), ("55P03", .heldOrLate),
            ("42601", .internalFault), ("23505", .internalFault), (nil, .internalFault),
        ] as [(String?, ExitCode)])
    func aServersRefusalIsToldByItsState(_ state: String?, _ expected: ExitCode) {
        #expect(code(server(state)) == expected)
    }

    @Test func aMalformedAnswerIsABadInput() { #expect(code(PostgresError.malformed("x", doing: "y")) == .data) }

    @Test func sourcesAndFiles() {
        #expect(code(SourceError.missingRelation(role: "events", name: "e")) == .missingInput)
        #expect(code(SourceError.badName("a b")) == .configuration)
        #expect(code(SourceError.tooManyBadRows(refused: 2, allowed: 1, reasons: "")) == .data)
        #expect(code(SourceError.noEvents(relation: "e", asOf: "now")) == .data)
        #expect(code(SafetensorsError.missing(path: "x")) == .missingInput)
        #expect(code(SafetensorsError.damaged(path: "x", reason: "y")) == .data)
        #expect(code(SafetensorsError.missingTensor(path: "x", name: "y")) == .data)
        #expect(code(SafetensorsError.unreadable(path: "x", reason: "y")) == .fileFault)
        #expect(code(SafetensorsError.unwritable(path: "x", reason: "y")) == .fileFault)
    }

    @Test func schemaLedgerAndReleases() {
        #expect(code(SchemaError.older(found: 1, needed: 3)) == .schemaVersion)
        #expect(code(SchemaError.newer(found: 9, known: 3)) == .schemaVersion)
        #expect(code(LedgerError.heldByAnother(command: "train", run: 1, since: "now")) == .heldOrLate)
        #expect(code(ReleaseError.noRelease) == .missingInput)
        #expect(code(ReleaseError.notBuilt(release: 1, state: "failed")) == .data)
        #expect(code(ReleaseError.rowsMissing(table: "t", claimed: 2, stored: 1)) == .data)
        #expect(code(JobError.badInstant("x")) == .data)
    }

    @Test func configurationAndUsage() {
        #expect(code(SettingsError.passwordInConnection) == .configuration)
        #expect(code(SettingsError.inconsistent("x")) == .configuration)
    }

    @Test func whatNobodyThoughtOfIsOurOwnFault() {
        struct Surprise: Error {}
        #expect(code(Surprise()) == .internalFault)
        #expect(code(CancellationError()) == .internalFault)
    }
}
