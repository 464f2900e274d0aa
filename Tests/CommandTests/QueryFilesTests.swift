import Foundation
import Testing

/// Every file of `sql/queries` runs as it is, on keys of every type, and touches only what it says that it touches.
@Suite struct QueryFilesTests {
    /// What a file promises.
    struct Promise: Sendable {
        var columns: String
        /// Tables of the current release that it looks at.
        var reads: Set<String> = []
        /// Indexes of the current release that it finds its rows by.
        var probes: Set<String> = []
        /// Whether it compares the current release with the one before.
        var readsTwo = false
    }

    private static let lists: Set = ["candidate", "overlay", "release_item"]

    /// A file that is not here fails the first test: say here what it promises.
    static let promises: [String: Promise] = [
        "01_list_of_user.sql": Promise(
            columns: "rank item_id title score source origin release age", reads: lists,
            probes: ["candidate_r3_pkey", "overlay_r3_pkey"]),
        "02_who_gets_item.sql": Promise(
            columns: "user_id rank score source lists", reads: lists, probes: ["release_item_r3_item_id_key"]),
        "03_exposure_by_category.sql": Promise(
            columns: "category items never_shown places places_top_10 percent_of_places lift", reads: ["release_item"]),
        "04_most_and_never_shown.sql": Promise(
            columns: "shown popularity item_id title lists lists_top_10", reads: ["release_item"]),
        "05_concentration.sql": Promise(
            columns: "part items shown effective_items gini percent_top_1_percent", reads: ["release_item"]),
        "06_changed_lists.sql": Promise(
            columns: "user_id in_a in_b shared percent_new mean_percent_new users",
            reads: ["candidate", "release_item"], readsTwo: true),
        "07_coverage.sql": Promise(
            columns: "last_seen users overlay own fallback percent_with_list", reads: ["candidate", "overlay"]),
        "08_stale_lists.sql": Promise(
            columns: "user_id newer_events newest_at as_of behind origin users", reads: ["candidate", "overlay"]),
        "09_sources_by_rank.sql": Promise(
            columns: "ranks places percent_model percent_repeat percent_transition percent_popular mean_score",
            reads: lists),
        "10_what_follows.sql": Promise(
            columns: "rank cluster probability lift key_used", reads: ["transition"], probes: ["transition_r3_pkey"]),
        "11_strong_transitions.sql": Promise(
            columns: "cluster items next probability next_other probability_other", reads: ["transition"]),
        "12_excluded_items.sql": Promise(
            columns: "what looked_at found", reads: lists, probes: ["candidate_r3_pkey", "overlay_r3_pkey"]),
        "13_release_sizes.sql": Promise(columns: "release state users holds table_bytes index_bytes bytes_per_user"),
        "14_what_happened.sql": Promise(columns: "at what release outcome detail"),
    ]

    @Test func eachFileThatIsThereIsTestedHere() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: QueryFile.folder)
        #expect(Set(files) == Set(Self.promises.keys))
    }

    @Test(arguments: promises.keys.sorted(), QueryShop.Keys.allCases)
    func fileRunsWithoutVariablesAndAnswersWhatItPromises(_ name: String, _ keys: QueryShop.Keys) throws {
        let answer = try QueryFile(name: name).run(on: .with(keys))
        #expect(answer.columns.joined(separator: " ") == Self.promises[name]?.columns)
        #expect(!answer.rows.isEmpty)
    }

    @Test(arguments: promises.keys.sorted())
    func fileLooksAtTheCurrentReleaseOnly(_ name: String) throws {
        let promise = try #require(Self.promises[name])
        let plan = try QueryFile(name: name).plan(on: .with(.bigint))
        let releases = promise.readsTwo ? [2, 3] : [3]
        #expect(plan.leaves == Set(releases.flatMap { release in promise.reads.map { "\($0)_r\(release)" } }))
    }

    @Test(arguments: promises.filter { !$0.value.probes.isEmpty }.keys.sorted())
    func fileUsesTheIndexesThatItSpeaksOf(_ name: String) throws {
        let promise = try #require(Self.promises[name])
        let plan = try QueryFile(name: name).plan(on: .with(.bigint), avoidsScans: true)
        #expect(plan.probed.isSuperset(of: promise.probes), "\(plan.probed)")
    }

    @Test(arguments: promises.keys.sorted())
    func fileSaysWhoAsksWhatItCostsAndHowToRunIt(_ name: String) throws {
        let lines = try String(contentsOfFile: "\(QueryFile.folder)/\(name)", encoding: .utf8).split(separator: "\n")
        #expect(lines[0].hasPrefix("-- \(name): ") && lines[0].hasSuffix("?"))
        let head = lines.prefix { $0.hasPrefix("--") }.joined(separator: "\n")
        for words in ["-- Asked by ", "-- Costs ", "--     psql -f sql/queries/\(name)"] {
            #expect(head.contains(words))
        }
        #expect(lines.allSatisfy { $0.count <= 120 })
    }
}
