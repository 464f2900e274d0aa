import Foundation
import Safetensors

/// A codebook as bytes, for a column of a table.
extension SemanticCodebook {
    package init(bytes: [UInt8]) throws(SafetensorsError) {
        let name = "the stored codebook"
        try self.init(SafetensorsFile(Data(bytes), path: name), path: name)
    }

    package func bytes() throws(SafetensorsError) -> [UInt8] {
        do {
            return [UInt8](try file.data)
        } catch {
            throw .unwritable(path: "a codebook in memory", reason: error.localizedDescription)
        }
    }
}
