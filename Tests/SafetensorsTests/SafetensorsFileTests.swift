import Foundation
import Safetensors
import Testing

@Suite struct SafetensorsFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let floats: [Float] = [1.5, -0, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 3, -7]

    private var sample: SafetensorsFile {
        SafetensorsFile(
            metadata: ["format": "test", "quoted \"name\"": "tab\t, slash / and é\u{1F600}", "empty": ""],
            tensors: [
                "w": Self.floats.withUnsafeBufferPointer { StoredTensor(floats: $0, shape: [2, 3]) },
                "i/32": StoredTensor([Int32.min, 0, .max]), "i64": StoredTensor([Int64.min, .max]),
                "bytes": StoredTensor([UInt8](0...255)), "nothing": StoredTensor([Int32]()),
            ])
    }

    /// A file by hand: length of the header, header, body.
    private func raw(_ header: String, body: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
        withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { [UInt8]($0) } + header.utf8 + body
    }

    private func refusal(_ bytes: [UInt8]) throws -> SafetensorsError? {
        let path = try folder.write(bytes, to: "refused")
        do {
            _ = try SafetensorsFile(path: path)
            return nil
        } catch {
            return error
        }
    }

    @Test func whatWasWrittenComesBack() throws {
        try sample.write(to: folder.file("a"))
        let back = try SafetensorsFile(path: folder.file("a"))
        #expect(back.metadata == sample.metadata)
        #expect(Set(back.tensors.keys) == Set(sample.tensors.keys))
        for (name, tensor) in sample.tensors {
            let found = try back.tensor(name, path: "a")
            #expect(found.kind == tensor.kind && found.shape == tensor.shape && found.bytes == tensor.bytes, "\(name)")
        }
        let floats = try back.tensor("w", path: "a").array(of: Float.self)
        #expect(floats.map(\.bitPattern) == Self.floats.map(\.bitPattern))
    }

    @Test func theSameContentIsTheSameBytesAndNothingIsLeftBeside() throws {
        try sample.write(to: folder.file("a"))
        try sample.write(to: folder.file("b"))
        #expect(try folder.bytes("a") == folder.bytes("b"))
        #expect(folder.contents == ["a", "b"])
    }

    @Test(arguments: 0..<8)
    func theBodyBeginsOnAnEighthByteAsReadersOfMappedFilesWant(_ more: Int) throws {
        var file = sample
        file.metadata["more"] = String(repeating: "x", count: more)
        try file.write(to: folder.file("a"))
        let bytes = try folder.bytes("a")
        #expect(bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) } % 8 == 0)
        #expect(bytes[8] == UInt8(ascii: "{"))
    }

    @Test func aFileThatIsThereIsReplacedWhole() throws {
        try sample.write(to: folder.file("a"))
        let old = try SafetensorsFile(path: folder.file("a"))
        try SafetensorsFile(metadata: ["format": "new"]).write(to: folder.file("a"))
        // The old one is still mapped.
        #expect(try old.tensor("i64", path: "a").array(of: Int64.self) == [.min, .max])
        let new = try SafetensorsFile(path: folder.file("a"))
        #expect(new.metadata == ["format": "new"] && new.tensors.isEmpty)
    }

    @Test func aFileByAnotherWriterIsRead() throws {
        let header = #"{"x":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}}  "#
        let path = try folder.write(raw(header, body: [1, 0, 0, 0, 255, 255, 255, 255]), to: "foreign")
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata.isEmpty)
        #expect(try file.tensor("x", path: path).array(of: Int32.self) == [1, -1])
    }

    @Test func aMissingTensorIsNamed() throws {
        #expect(throws: SafetensorsError.missingTensor(path: "p", name: "y")) { try sample.tensor("y", path: "p") }
    }

    @Test func aMissingFileIsMissingAndNotDamaged() {
        #expect(throws: SafetensorsError.missing(path: "/nowhere/x")) { try SafetensorsFile(path: "/nowhere/x") }
    }

    @Test func aFileThatCannotBeWrittenIsAnErrorThatNamesIt() throws {
        let error = #expect(throws: SafetensorsError.self) { try sample.write(to: "/nowhere/x") }
        guard case .unwritable("/nowhere/x", _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        // A folder stands in the way of the last step.
        try FileManager.default.createDirectory(atPath: folder.file("d/e"), withIntermediateDirectories: true)
        #expect(throws: SafetensorsError.self) { try sample.write(to: folder.file("d")) }
        #expect(folder.contents == ["d"], "nothing half-written stays")
    }

    @Test func aFileCutShortAnywhereIsRefused() throws {
        try sample.write(to: folder.file("a"))
        let whole = try folder.bytes("a")
        for length in stride(from: 0, to: whole.count, by: 7) {
            let error = try refusal(Array(whole[..<length]))
            guard case .damaged = error else {
                Issue.record("\(length) of \(whole.count) bytes: \(String(describing: error))")
                continue
            }
        }
    }

    @Test(arguments: [
        "", "{", "[]", "null", #"{"x":5}"#, #"{"x":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#,
        #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#,
        #"{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#,
        #"{"x":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#,
        #"{"x":{"shape":[1],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775807,9223372036854775807]}}"#,
    ])
    func aHeaderThatDoesNotFitItsFileIsRefused(_ header: String) throws {
        guard case .damaged(_, let reason) = try refusal(raw(header, body: [0, 0, 0, 0])) else {
            Issue.record("\(header) was taken")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test(arguments: [UInt64.max, 1 << 63, 1 << 62, 1000])
    func aHeaderLengthBeyondTheFileIsRefused(_ length: UInt64) throws {
        guard case .damaged = try refusal(raw("{}", length: length)) else {
            Issue.record("a length of \(length) was taken")
            return
        }
    }

    /// In a process of its own: what the world can cause is thrown, and must not end the process.
    @Test(arguments: ["[4611686018427387904,4]", "[9223372036854775807,9223372036854775807,0]"])
    func aShapeTooLargeToMultiplyIsRefused(_ shape: String) async {
        await #expect(processExitsWith: .success) { [shape] in
            let folder = try TemporaryFolder()
            let header = #"{"x":{"dtype":"F32","shape":"# + shape + #","data_offsets":[0,4]}}"#
            let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { [UInt8]($0) }
            let path = try folder.write(length + header.utf8 + [0, 0, 0, 0], to: "x")
            #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
        }
    }
}
