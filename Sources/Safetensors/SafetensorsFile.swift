import Foundation
import Tensors

/// One tensor of a safetensors file: how its numbers are stored, their shape, and the bytes.
package struct StoredTensor: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case float32 = "F32"
        case int32 = "I32"
        case int64 = "I64"
        case uint8 = "U8"

        var width: Int {
            switch self {
            case .float32, .int32: 4
            case .int64: 8
            case .uint8: 1
            }
        }
    }

    package let kind: Kind
    package let shape: [Int]
    package let bytes: Data

    package init(kind: Kind, shape: [Int], bytes: Data) {
        precondition(bytes.count == shape.reduce(kind.width, *), "bytes fit the shape")
        self.kind = kind
        self.shape = shape
        self.bytes = bytes
    }

    package init(floats: UnsafeBufferPointer<Float>, shape: [Int]) {
        self.init(kind: .float32, shape: shape, bytes: Data(buffer: floats))
    }

    package init(_ values: [Int32]) {
        self.init(kind: .int32, shape: [values.count], bytes: values.withUnsafeBufferPointer { Data(buffer: $0) })
    }

    package init(_ values: [Int64]) {
        self.init(kind: .int64, shape: [values.count], bytes: values.withUnsafeBufferPointer { Data(buffer: $0) })
    }

    package init(_ values: [UInt8]) { self.init(kind: .uint8, shape: [values.count], bytes: Data(values)) }

    /// The numbers as an array of their stored type.
    package func array<Number>(of type: Number.Type) -> [Number] where Number: BitwiseCopyable {
        precondition(MemoryLayout<Number>.size == kind.width, "\(kind) is not \(type)")
        let count = bytes.count / kind.width
        return [Number](unsafeUninitializedCapacity: count) { target, initialized in
            bytes.copyBytes(to: UnsafeMutableRawBufferPointer(target))
            initialized = count
        }
    }
}

/// Why a safetensors file was refused.
package enum SafetensorsError: Error, Equatable, CustomStringConvertible {
    case missing(path: String)
    case unreadable(path: String, reason: String)
    case damaged(path: String, reason: String)
    case missingTensor(path: String, name: String)
    case unwritable(path: String, reason: String)

    package var description: String {
        switch self {
        case .missing(let path): "there is no file \(path); train a model first, or name another file"
        case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
        case .damaged(let path, let reason):
            "\(path) is not a whole safetensors file: \(reason); restore it or train again"
        case .missingTensor(let path, let name): "\(path) holds no tensor \(name); it was written by something else"
        case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
        }
    }
}

/// Named tensors and text metadata in one file (https://huggingface.co/docs/safetensors): an 8-byte length, a JSON header,
/// the bytes. Little-endian, like every machine that this runs on.
package struct SafetensorsFile: Sendable {
    package var metadata: [String: String]
    package var tensors: [String: StoredTensor]

    package init(metadata: [String: String] = [:], tensors: [String: StoredTensor] = [:]) {
        self.metadata = metadata
        self.tensors = tensors
    }

    package init(path: String) throws(SafetensorsError) {
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path: path) }
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        } catch {
            throw .unreadable(path: path, reason: error.localizedDescription)
        }
        try self.init(data, path: path)
    }

    /// Reads a file that is in memory already.
    ///
    /// - Parameter path: where it came from, for the messages.
    package init(_ data: Data, path: String) throws(SafetensorsError) {
        let data = data.startIndex == 0 ? data : Data(data)
        guard data.count >= 8 else { throw .damaged(path: path, reason: "\(data.count) bytes hold no header length") }
        let length = Int(clamping: data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        guard length <= data.count - 8 else {
            throw .damaged(path: path, reason: "the header claims \(length) bytes, the file has \(data.count - 8)")
        }
        guard let header = try? JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any] else {
            throw .damaged(path: path, reason: "the header is not JSON")
        }
        metadata = header["__metadata__"] as? [String: String] ?? [:]
        tensors = [:]
        for (name, value) in header where name != "__metadata__" {
            tensors[name] = try SafetensorsFile.tensor(name, value, data.dropFirst(8 + length), path)
        }
    }

    private static func tensor(
        _ name: String, _ value: Any, _ body: Data, _ path: String
    ) throws(SafetensorsError) -> StoredTensor {
        guard let entry = value as? [String: Any], let type = entry["dtype"] as? String,
            let kind = StoredTensor.Kind(rawValue: type), let shape = entry["shape"] as? [Int],
            let offsets = entry["data_offsets"] as? [Int], offsets.count == 2, shape.allSatisfy({ $0 >= 0 })
        else { throw .damaged(path: path, reason: "tensor \(name) has an entry that cannot be read") }
        guard offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= body.count,
            offsets[1] - offsets[0] == byteCount(kind, shape)
        else { throw .damaged(path: path, reason: "tensor \(name) lies outside the file or does not fit its shape") }
        let start = body.startIndex
        return StoredTensor(kind: kind, shape: shape, bytes: body[start + offsets[0]..<start + offsets[1]])
    }

    /// nil where the product is too large for an integer.
    private static func byteCount(_ kind: StoredTensor.Kind, _ shape: [Int]) -> Int? {
        shape.reduce(kind.width) { product, length in
            guard let (value, isTooLarge) = product?.multipliedReportingOverflow(by: length) else { return nil }
            return isTooLarge ? nil : value
        }
    }

    package func tensor(_ name: String, path: String) throws(SafetensorsError) -> StoredTensor {
        guard let tensor = tensors[name] else { throw .missingTensor(path: path, name: name) }
        return tensor
    }

    /// The length and the JSON in front of the tensors, and their names in the order of their bytes.
    private func header() throws -> (bytes: Data, names: [String]) {
        var entries: [String: Any] = ["__metadata__": metadata]
        var offset = 0
        let names = tensors.keys.sorted()
        for name in names {
            let tensor = tensors[name]!
            entries[name] = [
                "dtype": tensor.kind.rawValue, "shape": tensor.shape,
                "data_offsets": [offset, offset + tensor.bytes.count],
            ]
            offset += tensor.bytes.count
        }
        var json = try JSONSerialization.data(withJSONObject: entries, options: [.sortedKeys, .withoutEscapingSlashes])
        while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
        return (withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) } + json, names)
    }

    /// The whole file in memory; same content, same bytes.
    package var data: Data {
        get throws {
            let (header, names) = try header()
            return names.reduce(into: header) { $0.append(tensors[$1]!.bytes) }
        }
    }

    /// Writes beside, syncs, then renames: a reader sees the old file or the whole new one. Same content, same bytes.
    package func write(to path: String) throws(SafetensorsError) {
        let beside = path + ".partial"
        do {
            let (header, names) = try header()
            try Data().write(to: URL(fileURLWithPath: beside))
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: beside))
            defer { try? file.close() }
            try file.write(contentsOf: header)
            for name in names { try file.write(contentsOf: tensors[name]!.bytes) }
            try file.synchronize()
        } catch {
            try? FileManager.default.removeItem(atPath: beside)
            throw .unwritable(path: path, reason: error.localizedDescription)
        }
        guard rename(beside, path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(beside)
            throw .unwritable(path: path, reason: reason)
        }
        syncFolder(of: path)
    }

    /// The rename itself must survive a power cut.
    private func syncFolder(of path: String) {
        let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }
}
