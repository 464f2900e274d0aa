import Clusters
import Domain
import Foundation
import Histories
import Postgres
import ResultTables
import Tensors

/// The clusters of a release's items, and what is to be stored of how they were found.
struct FoundClusters {
    var items: ItemClusters
    var codebook: TransitionFacts.Codebook?
    /// For people and for the build's figures.
    var figures: [String: Double] = [:]
}

/// Groups items by a column of the items relation or by their vectors, and keeps the numbers of clusters from one night,
/// and one build, to the next.
struct ClusterFinder {
    /// What the release that is served has.
    struct Previous {
        let release: Int
        let names: [String]
        /// By row of the dictionary.
        let items: [ExternalID]
        /// `[items]`, -1 for none.
        let clusters: [Int32]
        let source: ClusterSource
        let codebook: TransitionFacts.Codebook?

        /// nil where there is no release, or none with a build.
        init?(_ release: ReleaseRow?, itemType: IDType, on connection: Connection) throws {
            guard let release else { return nil }
            let catalogue = TransitionCatalogue(release: release.release, on: connection)
            guard let stored = try catalogue.stored() else { return nil }
            self.release = release.release
            names = try catalogue.clusterNames()
            (items, clusters) = try catalogue.items(itemType)
            source = stored.clusterSource
            codebook = stored.codebook
        }
    }

    let context: RunContext
    let source: EventSource
    let connection: Connection

    /// The clusters of a model's items.
    ///
    /// - Parameter vectors: `[items, width]`, the model's, for semantic clusters without an embedding of their own.
    func clusters(
        of vocabulary: Vocabulary, vectors: Floats, width: Int, previous: Previous?
    ) throws -> FoundClusters {
        let choice = chosen(hasCategories: vocabulary.categories.count > 2)
        switch choice {
        case .category:
            let labels = vocabulary.category.map { $0 > 0 ? vocabulary.categories[Int($0)] : nil }
            return try labelled(labels, .category, previous)
        case .seller:
            let labels = vocabulary.seller.map { $0 > 0 ? vocabulary.sellers[Int($0)] : nil }
            return try labelled(labels, .seller, previous)
        case .semantic:
            let column = context.settings.text("embedding")
            guard !column.isEmpty else {
                return try semantic(vocabulary.items, vectors, width, learnedFrom: "", previous)
            }
            let own = try embeddings(of: vocabulary.items, column)
            return try own.floats.withUnsafeBufferPointer {
                try semantic(vocabulary.items, $0.baseAddress!, own.width, learnedFrom: column, previous)
            }
        }
    }

    /// The clusters of a release's items and of those that came later, as far as they are known without training: labels
    /// are read anew; vectors are put into the clusters that there are.
    ///
    /// - Returns: the clusters of all items, and the items that stand behind those of the release.
    func refreshed(_ previous: Previous) throws -> (found: FoundClusters, added: [ExternalID]) {
        let asked = context.settings.text("clusters")
        guard asked == "auto" || asked == previous.source.rawValue else {
            throw JobError.otherClusters(asked: asked, stored: previous.source.rawValue, release: previous.release)
        }
        guard previous.source == .semantic else { return try relabelled(previous) }
        let column = try embedding(of: previous)
        guard !column.isEmpty, let stored = previous.codebook else {
            let same = ItemClusters(source: .semantic, clusterOfItem: previous.clusters, names: previous.names)
            return (FoundClusters(items: same, codebook: previous.codebook), [])
        }
        return try assigned(by: stored, column, previous)
    }

    /// The column whose vectors the clusters were learned from; empty for the model's, which only a training has.
    private func embedding(of previous: Previous) throws -> String {
        let asked = context.settings.text("embedding")
        guard let learnedFrom = previous.codebook?.learnedFrom else { return asked }
        guard asked.isEmpty || asked == learnedFrom else {
            throw JobError.otherEmbedding(asked: asked, stored: learnedFrom, release: previous.release)
        }
        return learnedFrom
    }

    /// Puts the items that have no cluster yet into the nearest one: those of the release, and those that came later.
    private func assigned(
        by stored: TransitionFacts.Codebook, _ column: String, _ previous: Previous
    ) throws -> (found: FoundClusters, added: [ExternalID]) {
        let codebook = try SemanticCodebook(bytes: stored.bytes)
        let rows = Dictionary(zip(previous.items, previous.items.indices), uniquingKeysWith: { first, _ in first })
        var without: [ExternalID] = [], vectors: [Float] = []
        try source.readEmbeddings(column, on: connection) { item, vector in
            if let row = rows[item], previous.clusters[row] >= 0 { return }
            guard vector.count == codebook.width else {
                throw JobError.otherWidth(column: column, found: vector.count, learned: codebook.width)
            }
            without.append(item)
            vectors.append(contentsOf: vector)
        }
        let nearest = vectors.withUnsafeBufferPointer { vectors in
            vectors.baseAddress.map { codebook.assign($0, count: without.count, pool: context.pool) } ?? []
        }
        var clusters = previous.clusters, added: [ExternalID] = []
        for (item, cluster) in zip(without, nearest) where cluster >= 0 {
            if let row = rows[item] {
                clusters[row] = cluster
            } else {
                added.append(item)
                clusters.append(cluster)
            }
        }
        let all = ItemClusters(source: .semantic, clusterOfItem: clusters, names: previous.names)
        return (FoundClusters(items: all, codebook: stored, figures: ["items added": Double(added.count)]), added)
    }

    private func chosen(hasCategories: Bool) -> ClusterSource {
        ClusterSource(rawValue: context.settings.text("clusters")) ?? (hasCategories ? .category : .semantic)
    }

    private func labelled(
        _ labels: [String?], _ source: ClusterSource, _ previous: Previous?
    ) throws -> FoundClusters {
        let names = previous.flatMap { $0.source == source ? $0.names : nil } ?? []
        let clusters = try ItemClusters(labels: labels, source: source, previousNames: names)
        guard clusters.filled >= 2 else {
            throw JobError.noClusters(source: source.rawValue, found: clusters.filled)
        }
        return FoundClusters(items: clusters, figures: ["largest share": clusters.largestShare])
    }

    private func relabelled(_ previous: Previous) throws -> (found: FoundClusters, added: [ExternalID]) {
        var labels: [ExternalID: String] = [:]
        try source.readLabels(previous.source.rawValue, on: connection) { labels[$0] = $1 }
        let known = Set(previous.items), added = labels.keys.filter { !known.contains($0) }.sorted()
        let found = try labelled((previous.items + added).map { labels[$0] }, previous.source, previous)
        return (found, added)
    }

    private func semantic(
        _ items: [ExternalID], _ vectors: UnsafePointer<Float>, _ width: Int, learnedFrom: String, _ previous: Previous?
    ) throws -> FoundClusters {
        var before: SemanticFit.Previous?
        if let previous, previous.source == .semantic, let bytes = previous.codebook?.bytes {
            do {
                let stored = Dictionary(
                    zip(previous.items, previous.clusters), uniquingKeysWith: { first, _ in first })
                before = SemanticFit.Previous(
                    codebook: try SemanticCodebook(bytes: bytes), clusterOfItem: items.map { stored[$0] ?? -1 })
            } catch {
                context.log.warning(
                    "clusters begin anew: the stored codebook cannot be read", metadata: ["reason": "\(error)"])
            }
        }
        var settings = SemanticSettings(items: items.count, keeping: before?.codebook.settings)
        let share = context.settings.real("cluster-share")
        if share > 0 { settings.mostShare = share }
        let fit = try SemanticFit(
            vectors, count: items.count, width: width, settings: settings, previous: before, pool: context.pool)
        guard fit.clusters.filled >= 2 else {
            throw JobError.noClusters(source: "vector", found: fit.clusters.filled)
        }
        context.log.info("clusters by meaning", metadata: ["report": "\(fit.report)"])
        let names = try self.names(of: fit.clusters, items, kept: before == nil ? [] : previous!.names)
        var figures = [
            "largest share": fit.report.largestShare, "collision share": fit.report.collisionShare,
            "items without cluster": Double(fit.report.withoutCluster), "explained": fit.report.explained,
            "explained by chance": fit.report.explainedByChance,
        ]
        if let change = fit.report.change { figures["share of items that moved"] = change.changedShare }
        return FoundClusters(
            items: ItemClusters(source: .semantic, clusterOfItem: fit.clusters.clusterOfItem, names: names),
            codebook: TransitionFacts.Codebook(
                name: fit.codebook.hash, bytes: try fit.codebook.bytes(), learnedFrom: learnedFrom),
            figures: figures)
    }

    /// A cluster is called after its most popular item when it is met first, and keeps that name.
    private func names(of clusters: ItemClusters, _ items: [ExternalID], kept: [String]) throws -> [String] {
        var leaders = [Int?](repeating: nil, count: clusters.names.count)
        for (row, cluster) in clusters.clusterOfItem.enumerated() where cluster >= 0 {
            // Rows are in the order of popularity.
            if leaders[Int(cluster)] == nil { leaders[Int(cluster)] = row }
        }
        let keys = leaders.map { $0.map { items[$0].description } }
        let titles = try source.titles(of: keys.compactMap(\.self), on: connection)
        return keys.enumerated().map { number, key in
            guard number >= kept.count else { return kept[number] }
            return "group \(number + 1)" + (key.map { ": \(titles[$0] ?? $0)" } ?? "")
        }
    }

    /// `[items, width]`; what is no number for items without one.
    private func embeddings(of items: [ExternalID], _ column: String) throws -> (floats: [Float], width: Int) {
        let rows = Dictionary(zip(items, items.indices), uniquingKeysWith: { first, _ in first })
        var width = 0, floats: [Float] = []
        try source.readEmbeddings(column, on: connection) { item, vector in
            guard let row = rows[item], floats.isEmpty || vector.count == width else { return }
            if floats.isEmpty {
                width = vector.count
                // Not a number: an item without a vector gets no cluster.
                floats = [Float](repeating: .nan, count: items.count * width)
            }
            floats.replaceSubrange(row * width..<(row + 1) * width, with: vector)
        }
        guard width > 0 else { throw JobError.noEmbeddings(column: column) }
        return (floats, width)
    }
}
