import Pipeline
import Testing

@Suite struct PauseConditionTests {
    @Test(arguments: [
        ("replication-lag>30s", PauseCondition.Measure.lagSeconds, 30.0), ("replication-lag > 1.5min", .lagSeconds, 90),
        ("replication-lag>250ms", .lagSeconds, 0.25), ("replication-lag>64MB", .lagBytes, 67_108_864),
        ("connections>80", .connections, 80), ("connections>0", .connections, 0),
    ]) func aConditionIsAMeasureAndABound(_ text: String, _ measure: PauseCondition.Measure, _ bound: Double) throws {
        let condition = try PauseCondition(text)
        #expect(condition.measure == measure && abs(condition.bound - bound) < 1e-9 && condition.text == text)
    }

    @Test(arguments: [
        "", ">", "replication-lag", "replication-lag>", "replication-lag>30", "replication-lag>s",
        "replication-lag>-3s",
        "replication-lag>30mb", "replication-lag<30s", "connections>80s", "connections>many", "connections>1e3",
        "connections>.5", "connections>1.2.3", "load>3", "connections>>3", "connections>٨",
        "replication-lag>8 kB",
    ]) func anythingElseIsRefusedByName(_ text: String) throws {
        #expect(throws: BackfillError.badPauseCondition(text)) { try PauseCondition(text) }
        #expect("\(BackfillError.badPauseCondition(text))".contains("'\(text)'"))
    }
}
