import Checksum
import Foundation
import Safetensors

/// A codebook as a safetensors file, with a hash over everything in it.
extension SemanticCodebook {
    package static let format = "nearline-clusters-1"

    private struct Facts: Codable {
        let settings: SemanticSettings
        let width: Int
        let nextNumber: Int32
        let explainedWhenLearned: Double
    }

    /// Names the codebook: the same centroids, settings and numbers have the same hash.
    package var hash: String { file.metadata["content_hash"]! }

    package var file: SafetensorsFile {
        let facts = Facts(
            settings: settings, width: width, nextNumber: numbers.next, explainedWhenLearned: explainedWhenLearned)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        // Numbers and names only, and explained is a quotient of finite sums: there is nothing that JSON cannot say.
        let json = try! encoder.encode(facts)
        var file = SafetensorsFile(metadata: ["format": Self.format, "facts": String(decoding: json, as: UTF8.self)])
        file.tensors["cluster_of_prefix"] = StoredTensor(numbers.ofPrefix)
        for (level, values) in centroids.enumerated() {
            file.tensors["centroids.\(level)"] = values.withUnsafeBufferPointer {
                StoredTensor(floats: $0, shape: [values.count / width, width])
            }
        }
        file.metadata["content_hash"] = file.contentHash
        return file
    }

    package init(path: String) throws(SafetensorsError) { try self.init(SafetensorsFile(path: path), path: path) }

    package func write(to path: String) throws(SafetensorsError) { try file.write(to: path) }

    /// - Parameter path: for the messages.
    package init(_ file: SafetensorsFile, path: String) throws(SafetensorsError) {
        func damaged(_ reason: String) -> SafetensorsError { .damaged(path: path, reason: reason) }
        guard file.metadata["format"] == Self.format else {
            throw damaged("format is \(file.metadata["format"] ?? "not stated"), not \(Self.format)")
        }
        guard file.contentHash == file.metadata["content_hash"] else {
            throw damaged("its content does not match the hash beside it")
        }
        guard let facts = try? JSONDecoder().decode(Facts.self, from: Data((file.metadata["facts"] ?? "").utf8)),
            (try? facts.settings.check()) != nil, facts.width > 0, facts.explainedWhenLearned.isFinite
        else { throw damaged("its settings cannot be read") }
        var centroids: [[Float]] = []
        for (level, size) in facts.settings.sizes.enumerated() {
            let tensor = try file.tensor("centroids.\(level)", path: path)
            guard tensor.kind == .float32, tensor.shape == [size, facts.width] else {
                throw damaged("level \(level) is \(tensor.shape), the settings ask for \([size, facts.width])")
            }
            centroids.append(tensor.array(of: Float.self))
            guard centroids[level].allSatisfy({ $0.isFinite }) else { throw damaged("level \(level) is not finite") }
        }
        let map = try file.tensor("cluster_of_prefix", path: path)
        guard map.kind == .int32, map.shape == [facts.settings.clusters],
            let numbers = ClusterNumbers(ofPrefix: map.array(of: Int32.self), next: facts.nextNumber)
        else { throw damaged("its cluster numbers do not fit its settings") }
        self.init(
            settings: facts.settings, width: facts.width, centroids: centroids, numbers: numbers,
            explainedWhenLearned: facts.explainedWhenLearned)
    }
}

extension SafetensorsFile {
    /// Names every fact and number of the file, its own place in the facts aside.
    fileprivate var contentHash: String {
        let facts = metadata.filter { $0.key != "content_hash" }.sorted { $0.key < $1.key }
        let parts = tensors.sorted { $0.key < $1.key }.map { name, tensor in
            "\(name) \(tensor.kind) \(tensor.shape) \(tensor.bytes.withUnsafeBytes { Checksum.name($0) })"
        }
        return Checksum.name((facts.map { "\($0.key)=\($0.value)" } + parts).joined(separator: "\n"))
    }
}
