import Domain
import Evaluation
import Tensors
import Testing

@Suite struct ComparisonTests {
    private func compare(_ method: ListedMethod, _ targets: [Target]) -> Comparison {
        Comparison(
            [method], targets: targets, cutoffs: [2, 1], resamples: 0, seed: 1, pool: WorkerPool(workers: 1))
    }

    private func target(
        _ items: [Int32], seen: Set<Int32>, _ userClass: UserClass = .new, scene: Int32 = 0
    ) -> Target {
        Target(items: items, seen: seen, userClass: userClass, scene: scene)
    }

    private func means(_ found: Comparison, _ part: TargetPart) -> [String: Double] {
        Dictionary(uniqueKeysWithValues: zip(found.names, found.means(0, part)))
    }

    /// The list is 7 (new), 1 and 2 (had before), 9 (new); wanted are 2 and 9.
    @Test func partsAreListsAndTargetsOfTheirOwn() {
        let found = compare(
            ListedMethod(name: "a", lists: [[7, 1, 2, 9]], novelLists: [[9, 7]]), [target([2, 9], seen: [1, 2, 3])])
        #expect(means(found, .whole)["Recall@2"] == 0)
        // Among those had before 2 comes second.
        #expect(means(found, .repeat)["HR@1"] == 0 && means(found, .repeat)["Recall@2"] == 1)
        #expect(means(found, .repeat)["MRR@2"] == 0.5)
        #expect(means(found, .novel)["Recall@1"] == 1)
    }

    @Test func usersWhoWantNothingOfAPartAreLeftOutOfIt() {
        let found = compare(
            ListedMethod(name: "a", lists: [[1], [1]], novelLists: [[2], [2]]),
            [target([1], seen: [1]), target([2, 1], seen: [1])])
        #expect(found.users(.whole) == 2 && found.users(.repeat) == 2 && found.users(.novel) == 1)
        #expect(means(found, .whole)["Recall@1"] == 0.75 && means(found, .novel)["Recall@1"] == 1)
    }

    @Test func groupsAreMeansOverTheirUsersOnly() {
        let found = compare(
            ListedMethod(name: "a", lists: [[1], [1], [1]], novelLists: [[], [], []]),
            [target([1], seen: [], .heavy), target([2], seen: [], .heavy), target([2], seen: [], .new, scene: 4)])
        let heavy = found.means(0, .whole) { $0.userClass == .heavy },
            light = found.means(0, .whole) { $0.userClass == .light }
        #expect(heavy.users == 2 && heavy.means[0] == 0.5)
        #expect(light.users == 0 && light.means[0] == 0)
        #expect(found.means(0, .whole) { $0.scene == 4 }.users == 1)
    }

    @Test func exposureIsCountedUpToTheLargestCutoff() {
        let found = compare(
            ListedMethod(name: "a", lists: [[0, 1, 2, 3]], novelLists: [[]]), [target([0], seen: [])])
        #expect(found.exposure(0, items: 4).lists == [1, 1, 0, 0])
    }

    @Test func classesBeginWhereTheySay() {
        #expect([1, 2, 4, 5, 90].map { UserClass(sessions: $0) } == [.new, .light, .light, .heavy, .heavy])
    }
}
