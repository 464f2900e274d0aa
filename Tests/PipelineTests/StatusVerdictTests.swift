import Ledger
import Pipeline
import Testing

/// The decision behind `nearline status`, without a clock and without a database.
@Suite struct StatusVerdictTests {
    private let limit = Age("26h")!

    private func served(age: Double, hasLists: Bool = true) -> ServiceStatus {
        ServiceStatus(
            served: ServedRelease(
                release: 7, model: "m", asOf: 0, age: age, publishedAt: 0, publishedAge: 0, users: 10, payloadBytes: 1,
                transitionKeys: 1, hasLists: hasLists, gatesFailed: 0, overlayUsers: 0, transitions: nil))
    }

    private func verdict(_ status: ServiceStatus, _ snapshot: StatusVerdict.SnapshotState = .notAsked) -> StatusVerdict
    {
        StatusVerdict(status, snapshot: snapshot, maxAge: limit)
    }

    @Test func theLimitItselfIsYoungEnoughAndASecondMoreIsNot() {
        #expect(verdict(served(age: 26 * 3600)).code == .done)
        #expect(verdict(served(age: 26 * 3600 + 1)).code == .heldOrLate)
    }

    @Test func theCodeIsThatOfTheWorstAndEverythingIsSaid() {
        let found = verdict(served(age: 1e9, hasLists: false), .behind(link: 6))
        #expect(found.code == .data && found.problems.count == 3)
        #expect(verdict(ServiceStatus(), .behind(link: 6)).code == .missingInput)
        #expect(verdict(served(age: 1e9), .follows).code == .heldOrLate)
        #expect(verdict(served(age: 1), .damaged(reason: "x")).code == .data)
    }

    @Test func anUnfinishedReleaseIsNotedOnlyWhereNobodyWorks() {
        var status = served(age: 1)
        status.unfinishedReleases = [8]
        #expect(verdict(status).notes.count == 1 && verdict(status).code == .done)
        status.runsAtWork = 1
        #expect(verdict(status).notes.isEmpty)
    }

    @Test func agesAreANumberAndAUnit() {
        #expect(Age("90m")?.seconds == 5400 && Age("2d")?.seconds == 172_800 && Age("45s")?.seconds == 45)
        for text in ["", "h", "26", "-1h", "0s", "1.5h", "1w", "h26", "1 h"] { #expect(Age(text) == nil, "\(text)") }
    }
}
