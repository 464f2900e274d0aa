import Foundation
import Testing

/// The simple methods on Online Retail, against figures that an independent script (numpy, scipy) gives for its own lists.
@Suite struct PublicEvaluationTests {
    /// `../shared/data` as seen from the root of the repository.
    private static let file: String = {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return "/\(root)/../shared/data/online-retail.csv.gz"
    }()

    private static let isThere = access(file, R_OK) == 0

    /// Recall@20, Recall@100 and NDCG@20 of lists with anything, then of novel items.
    private static let known: [String: [Double]] = [
        "popular": [0.0980, 0.2690, 0.1203, 0.0904, 0.2578, 0.0894],
        "own frequency": [0.2722, 0.4873, 0.3004, 0.0904, 0.2578, 0.0894],
        "item-item, users": [0.1200, 0.3150, 0.1366, 0.0704, 0.2068, 0.0629],
        "item-item, sessions": [0.1547, 0.3394, 0.1762, 0.0801, 0.2056, 0.0737],
        "EASE": [0.2130, 0.4600, 0.2355, 0.1076, 0.2629, 0.0939],
        "TIFU-KNN": [0.2686, 0.4628, 0.2944, 0.0512, 0.1703, 0.0454],
    ]

    private static let cut = "2011-11-09T12:50:00Z"

    /// Of every method, as ``known``.
    private func figures(_ shop: Shop, _ arguments: String...) throws -> [String: [Double]] {
        let ended = try shop.commands.run(
            ["evaluate", "--as-of", Self.cut, "--resamples", "0", "--json"] + arguments, seconds: 300)
        try #require(ended.code == 0, "\(ended.errors)")
        let report = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
        #expect(report["users"] as? Int == 1379)
        var found: [String: [Double]] = [:]
        for method in try #require(report["methods"] as? [[String: Any]]) {
            let name = try #require(method["method"] as? String)
            for part in ["whole", "novel"] {
                for figure in ["Recall@20", "Recall@100", "NDCG@20"] {
                    let figures = try #require(method[part] as? [String: Any])
                    found[name, default: []].append(
                        try #require((figures[figure] as? [String: Any])?["mean"] as? Double))
                }
            }
        }
        return found
    }

    @Test(.enabled(if: isThere, "the public data sets are not beside this checkout (../shared/data)"))
    func simpleMethodsOnOnlineRetailAreAsGoodAsTheyAreKnownToBe() throws {
        let shop = try Shop()
        try shop.succeed("migrate")
        try shop.succeed("import", Self.file)
        let found = try figures(shop, "--without-model")
        #expect(Set(found.keys) == Set(Self.known.keys))
        for (name, values) in found {
            for (value, known) in zip(values, Self.known[name] ?? []) {
                // The same lists but for the order of equal scores.
                #expect(abs(value - known) < 1e-3, "\(name): \(values)")
            }
        }
    }

    /// Beside a model that is far too small and hardly trained.
    @Test(.enabled(if: isThere, "the public data sets are not beside this checkout (../shared/data)"))
    func mergedListsOnOnlineRetailAreBetterThanThoseOfEverySimpleMethod() throws {
        let shop = try Shop()
        try shop.succeed("migrate")
        try shop.succeed("import", Self.file)
        try shop.succeed("train", "--as-of", Self.cut)
        let found = try figures(shop), merged = try #require(found["merged"])
        for (name, known) in Self.known {
            #expect(zip(merged, known).allSatisfy { $0 > $1 + 0.005 }, "\(name): \(known), merged: \(merged)")
        }
    }
}
