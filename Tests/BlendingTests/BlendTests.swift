import Blending
import Domain
import Safetensors
import Tensors
import Testing

/// A blend beside a model, in its artifact.
@Suite struct BlendTests {
    private let shop = DrawnShop(seed: 5)

    private func blend() throws -> Blend {
        let weights = try #require(shop.learned { Set(shop.histories[$0].rows) })
        return Blend(tables: shop.tables(), weights: weights)
    }

    @Test func itComesBackAsItWasWritten() throws {
        let tensors = try blend().tensors
        let back = try #require(try Blend(tensors, items: shop.items, path: "m"))
        #expect(back.tensors == tensors)
        #expect(try Blend([:], items: shop.items, path: "m") == nil)
    }

    @Test func tablesAreTheSameAtAnyNumberOfThreads() throws {
        let weights = try blend().weights
        #expect(
            Blend(tables: shop.tables(threads: 3), weights: weights).tensors
                == Blend(tables: shop.tables(), weights: weights).tensors)
    }

    @Test(arguments: ["weights", "popular", "sessions.starts", "sessions.items", "sessions.values", "users.items"])
    func aDamagedOneIsRefused(name: String) throws {
        var tensors = try blend().tensors
        let whole = try #require(tensors[name])
        tensors[name] = nil
        #expect(throws: SafetensorsError.self) { try Blend(tensors, items: shop.items, path: "m") }
        tensors[name] = short(whole)
        #expect(throws: SafetensorsError.self) { try Blend(tensors, items: shop.items, path: "m") }
        // Every number a row that is not there, or none.
        tensors[name] = StoredTensor(
            kind: whole.kind, shape: whole.shape, bytes: .init(repeating: 0xFF, count: whole.bytes.count))
        #expect(throws: SafetensorsError.self) { try Blend(tensors, items: shop.items, path: "m") }
    }

    /// Without the last row.
    private func short(_ whole: StoredTensor) -> StoredTensor {
        let rows = whole.shape[0] - 1
        return StoredTensor(
            kind: whole.kind, shape: [rows] + whole.shape.dropFirst(),
            bytes: whole.bytes.prefix(whole.bytes.count / whole.shape[0] * rows))
    }

    @Test func itBelongsToItsItems() throws {
        let tensors = try blend().tensors
        #expect(throws: SafetensorsError.self) { try Blend(tensors, items: shop.items + 1, path: "m") }
    }
}
