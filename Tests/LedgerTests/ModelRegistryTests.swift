import Ledger
import ResultTables
import TestSupport
import Testing

@Suite struct ModelRegistryTests {
    private let registry: ModelRegistry
    private let database: EmptyDatabase

    init() throws {
        database = try EmptyDatabase()
        _ = try Migrator(database.connection).migrate()
        registry = ModelRegistry(database.connection)
    }

    private func register(_ model: String, asOf: String, file: String = "f") throws {
        try registry.register(
            ModelRow(model: model, file: file, asOf: asOf, vocabularyHash: "h", itemType: "uuid"),
            settings: #"{"width": 64}"#, figures: #"{"HR@10": 0.5}"#)
    }

    @Test func withoutModelsThereIsNoNewest() throws {
        #expect(try registry.newest(notAfter: nil)?.model == nil)
        #expect(try registry.named("m")?.model == nil)
    }

    @Test func theNewestModelHasSeenTheNewestEventsAndWasTrainedLast() throws {
        try register("young events", asOf: "2025-06-01Z")
        try register("old events", asOf: "2025-01-01Z")
        try register("young again", asOf: "2025-06-01Z")
        #expect(try registry.newest(notAfter: nil)?.model == "young again")
        #expect(try registry.newest(notAfter: "2025-06-01Z")?.model == "young again")
        #expect(try registry.newest(notAfter: "2025-05-31T23:59:59.999999Z")?.model == "old events")
        #expect(try registry.newest(notAfter: "2024-01-01Z")?.model == nil)
    }

    @Test func aModelIsFoundByItsName() throws {
        try register("m", asOf: "2025-06-01Z", file: "models/m.safetensors")
        let found = try #require(try registry.named("m"))
        #expect(found.file == "models/m.safetensors" && found.asOf == "2025-06-01 00:00:00+00")
        #expect(found.vocabularyHash == "h" && found.itemType == "uuid")
    }

    @Test func registeringAModelAgainMovesItsFile() throws {
        try register("m", asOf: "2025-06-01Z", file: "old")
        try register("m", asOf: "2025-06-01Z", file: "new")
        #expect(try registry.named("m")?.file == "new")
        #expect(try database.number("SELECT count(*) FROM nearline.model") == 1)
    }
}
