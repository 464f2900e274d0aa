import Foundation
import Safetensors

/// A codebook as bytes, for a column of a table. Through a file, which is the one way in and out of the format.
extension SemanticCodebook {
    package init(bytes: [UInt8]) throws(SafetensorsError) {
        let path = Self.temporaryPath
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: path))
        } catch {
            throw .unwritable(path: path, reason: error.localizedDescription)
        }
        try self.init(path: path)
    }

    package func bytes() throws(SafetensorsError) -> [UInt8] {
        let path = Self.temporaryPath
        defer { try? FileManager.default.removeItem(atPath: path) }
        try write(to: path)
        do {
            return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw .unreadable(path: path, reason: error.localizedDescription)
        }
    }

    private static var temporaryPath: String {
        FileManager.default.temporaryDirectory.appendingPathComponent("nearline-clusters-\(UUID().uuidString)").path
    }
}
