import Checksum
import Domain
import Foundation
import Safetensors
import Tensors

/// Everything that a trained model needs to be run elsewhere: numbers, vocabulary with its hash, settings, data window.
package struct ModelArtifact: Sendable {
    package var parameters: ModelParameters
    package var vocabulary: Vocabulary
    /// What merged lists need beside the network, by name; empty where it was trained without.
    package var blend: [String: StoredTensor]
    /// What its anchors are found by; nil where it reads none.
    package var anchors: AnchorTable?
    /// Free facts about the training: as-of, window, seed, epochs, figures.
    package var facts: [String: String]

    package init(
        parameters: ModelParameters, vocabulary: Vocabulary, blend: [String: StoredTensor] = [:],
        anchors: AnchorTable? = nil, facts: [String: String]
    ) {
        precondition((anchors != nil) == (parameters.settings.anchors > 0), "a model that reads anchors needs them")
        self.anchors = anchors
        self.blend = blend
        self.parameters = parameters
        self.vocabulary = vocabulary
        self.facts = facts
    }

    /// Histories as the model reads them: those of users with a session have their anchors behind them, where it reads any.
    package func anchored(_ histories: [TokenHistory], pool: WorkerPool) -> [TokenHistory] {
        guard let anchors else { return histories }
        let count = parameters.settings.anchors, scene = parameters.settings.anchorScene
        var scores = (0..<pool.workers).map { _ in AnchorTable.Scores() }
        return scores.withUnsafeMutableBufferPointer { scores in
            // Safe: every worker has scores of its own, and every history is written once.
            nonisolated(unsafe) let scores = scores
            return [TokenHistory](unsafeUninitializedCapacity: histories.count) { read, made in
                nonisolated(unsafe) let read = read
                pool.forEach(histories.count) { i, worker in
                    var history = histories[i]
                    if history.sessions.contains(where: { !$0.isLifelong }) {
                        history = history.withAnchors(
                            anchors.anchors(count, after: history, &scores[worker]), scene: scene,
                            before: history.sessions.count)
                    }
                    (read.baseAddress! + i).initialize(to: history)
                }
                made = histories.count
            }
        }
    }

    package static let format = "nearline-model-1"
    private static let blendPrefix = "blend."
    private static let anchorPrefix = "anchors."

    package init(path: String) throws {
        let file = try SafetensorsFile(path: path)
        guard file.metadata["format"] == ModelArtifact.format else {
            throw SafetensorsError.damaged(
                path: path, reason: "format is \(file.metadata["format"] ?? "not stated"), not \(ModelArtifact.format)")
        }
        guard file.contentHash == file.metadata["content_hash"] else {
            throw SafetensorsError.damaged(path: path, reason: "its content does not match the hash beside it")
        }
        guard let json = file.metadata["config"]?.data(using: .utf8),
            let settings = try? JSONDecoder().decode(ModelSettings.self, from: json)
        else { throw SafetensorsError.damaged(path: path, reason: "its settings cannot be read") }
        vocabulary = try Vocabulary(file, path: path)
        guard vocabulary.count == settings.items, vocabulary.hash == file.metadata["vocabulary_hash"] else {
            throw SafetensorsError.damaged(path: path, reason: "its vocabulary does not match the hash beside it")
        }
        blend = Dictionary(
            uniqueKeysWithValues: file.tensors.compactMap { name, tensor in
                name.hasPrefix(Self.blendPrefix) ? (String(name.dropFirst(Self.blendPrefix.count)), tensor) : nil
            })
        anchors =
            settings.anchors == 0
            ? nil
            : try AnchorTable(items: settings.items, path: path) { name throws(SafetensorsError) in
                try file.tensor(Self.anchorPrefix + name, path: path)
            }
        parameters = ModelParameters(settings)
        try parameters.read(file, prefix: "param.", path: path)
        facts = file.metadata.filter { !["format", "config", "vocabulary_hash", "content_hash"].contains($0.key) }
    }

    package var file: SafetensorsFile {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            var metadata = facts
            metadata["format"] = ModelArtifact.format
            metadata["config"] = String(decoding: try encoder.encode(parameters.settings), as: UTF8.self)
            metadata["vocabulary_hash"] = vocabulary.hash
            var tensors = vocabulary.tensors
            for (name, tensor) in parameters.tensors(prefix: "param.") { tensors[name] = tensor }
            for (name, tensor) in blend { tensors[Self.blendPrefix + name] = tensor }
            for (name, tensor) in anchors?.tensors ?? [:] { tensors[Self.anchorPrefix + name] = tensor }
            var file = SafetensorsFile(metadata: metadata, tensors: tensors)
            file.metadata["content_hash"] = file.contentHash
            return file
        }
    }
}

extension ModelParameters {
    package func tensors(prefix: String) -> [String: StoredTensor] {
        Dictionary(
            uniqueKeysWithValues: named.map { name, shape, start in
                let count = shape.reduce(1, *)
                return (
                    prefix + name, StoredTensor(floats: UnsafeBufferPointer(start: start, count: count), shape: shape)
                )
            })
    }

    /// Reads every parameter, refusing another shape and numbers that are not finite.
    package func read(_ file: SafetensorsFile, prefix: String, path: String) throws(SafetensorsError) {
        for (name, shape, start) in named {
            let tensor = try file.tensor(prefix + name, path: path)
            guard tensor.kind == .float32, tensor.shape == shape else {
                throw .damaged(path: path, reason: "\(name) is \(tensor.shape), the settings ask for \(shape)")
            }
            let values = tensor.array(of: Float.self)
            guard values.allSatisfy(\.isFinite) else {
                throw .damaged(path: path, reason: "\(name) holds a number that is not finite")
            }
            values.withUnsafeBufferPointer { start.update(from: $0.baseAddress!, count: $0.count) }
        }
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
