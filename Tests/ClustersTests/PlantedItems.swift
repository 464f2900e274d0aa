import Clusters
import Domain
import Tensors

/// Vectors around planted centres.
struct PlantedItems {
    let count: Int
    let width: Int
    var vectors: [Float]
    /// The centre of each item.
    let group: [Int]

    /// - Parameters: weights: how many items, relative to the others, each centre has; spread: length of an item's own
    ///   part, where that of a centre is 1.
    init(_ count: Int, width D: Int = 12, weights: [Double], spread: Double = 0.2, seed: UInt64) {
        var draw = SeededGenerator(seed: seed)
        let centres = weights.map { _ in Self.direction(D, &draw) }
        let total = weights.reduce(0, +)
        var vectors: [Float] = [], group: [Int] = []
        for _ in 0..<count {
            var at = draw.uniform() * total
            let centre = weights.firstIndex { weight in
                at -= weight
                return at < 0
            }
            group.append(centre ?? 0)
            for (c, own) in zip(centres[centre ?? 0], Self.direction(D, &draw)) {
                vectors.append(Float(c + spread * own))
            }
        }
        self.count = count
        width = D
        self.vectors = vectors
        self.group = group
    }

    init(_ vectors: [Float], width: Int) {
        count = vectors.count / width
        self.width = width
        self.vectors = vectors
        group = []
    }

    func noisy(_ share: Double, seed: UInt64) -> PlantedItems {
        var draw = SeededGenerator(seed: seed), noisy = self
        let scale = share / Double(width).squareRoot()
        for i in vectors.indices { noisy.vectors[i] += Float(draw.normal() * scale) }
        return noisy
    }

    /// The same items in other axes: a product of many turns in the plane of two of them.
    func turned(seed: UInt64) -> PlantedItems {
        var draw = SeededGenerator(seed: seed), turned = self
        for _ in 0..<10 * width {
            let a = draw.below(width), b = (a + 1 + draw.below(width - 1)) % width
            let cosine = draw.uniform() * 2 - 1
            let sine = (1 - cosine * cosine).squareRoot()
            for item in 0..<count {
                let x = Double(turned.vectors[item * width + a]), y = Double(turned.vectors[item * width + b])
                turned.vectors[item * width + a] = Float(cosine * x - sine * y)
                turned.vectors[item * width + b] = Float(sine * x + cosine * y)
            }
        }
        return turned
    }

    func fit(
        _ settings: SemanticSettings, previous: SemanticFit.Previous? = nil, threads: Int = 2
    ) throws -> SemanticFit {
        try SemanticFit(
            vectors, count: count, width: width, settings: settings, previous: previous,
            pool: WorkerPool(workers: threads))
    }

    func assigned(by codebook: SemanticCodebook) -> [Int32] {
        codebook.assign(vectors, count: count, pool: WorkerPool(workers: 2))
    }

    private static func direction(_ D: Int, _ draw: inout SeededGenerator) -> [Double] {
        let raw = (0..<D).map { _ in draw.normal() }
        let length = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return raw.map { $0 / length }
    }
}

extension SemanticFit {
    var asPrevious: Previous { Previous(codebook: codebook, clusterOfItem: clusters.clusterOfItem) }
}

extension SemanticSettings {
    /// Without a cap that binds.
    static func uncapped(_ firstSize: Int, levels: Int = 3, prefix: Int = 2) -> SemanticSettings {
        var settings = SemanticSettings(firstSize: firstSize, levels: levels, prefix: prefix)
        settings.mostShare = 1
        return settings
    }
}

/// Residual codes, written to be read.
enum ReadableCodes {
    /// Per item its code and the squared length of what each level leaves.
    static func codes(_ items: PlantedItems, _ codebook: SemanticCodebook) -> [(code: [Int], left: [Double])] {
        let D = items.width
        return (0..<items.count).map { item in
            var rest = items.vectors[item * D..<(item + 1) * D].map { Double($0) }
            let length = rest.reduce(0) { $0 + $1 * $1 }.squareRoot()
            rest = rest.map { length > 0 ? $0 / length : 0 }
            var code: [Int] = [], left: [Double] = []
            for level in codebook.centroids {
                let distances = (0..<level.count / D).map { k in
                    (0..<D).reduce(0.0) {
                        $0 + (rest[$1] - Double(level[k * D + $1])) * (rest[$1] - Double(level[k * D + $1]))
                    }
                }
                let best = distances.indices.min { distances[$0] < distances[$1] }!
                for d in 0..<D { rest[d] -= Double(level[best * D + d]) }
                code.append(best)
                left.append(distances[best])
            }
            return (code, left)
        }
    }
}
