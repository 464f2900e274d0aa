import Foundation

/// A folder of its own for one test, removed when the test lets go.
final class TemporaryFolder {
    let path = NSTemporaryDirectory() + "nearline-client-" + UUID().uuidString

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }
}
