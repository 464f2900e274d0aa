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

    @Test(.enabled(if: isThere, "the public data sets are not beside this checkout (../shared/data)"))
    func simpleMethodsOnOnlineRetailAreAsGoodAsTheyAreKnownToBe() throws {
        let shop = try Shop()
        try shop.succeed("migrate")
        try shop.succeed("import", Self.file)
        let ended = try shop.commands.run(
            ["evaluate", "--as-of", "2011-11-09T12:50:00Z", "--without-model", "--resamples", "0", "--json"],
            seconds: 300)
        try #require(ended.code == 0, "\(ended.errors)")
        let report = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
        #expect(report["users"] as? Int == 1379)
        let methods = try #require(report["methods"] as? [[String: Any]])
        #expect(Set(methods.compactMap { $0["method"] as? String }) == Set(Self.known.keys))
        for method in methods {
            let name = try #require(method["method"] as? String)
            var found: [Double] = []
            for part in ["whole", "novel"] {
                for figure in ["Recall@20", "Recall@100", "NDCG@20"] {
                    let figures = try #require(method[part] as? [String: Any])
                    found.append(try #require((figures[figure] as? [String: Any])?["mean"] as? Double))
                }
            }
            for (value, known) in zip(found, Self.known[name] ?? []) {
                // The same lists but for the order of equal scores.
                #expect(abs(value - known) < 1e-3, "\(name): \(found)")
            }
        }
    }
}
