import Checksum
import Domain
import Foundation
import Safetensors

/// A vocabulary as tensors: numeric keys as they are, text as one string of bytes with the end of each piece.
extension Vocabulary {
    /// Names these items, in this order, with this side information: a model is useless beside any other.
    package var hash: String {
        var bytes: [UInt8] = Array(itemType.rawValue.utf8)
        for name in tensors.keys.sorted() { bytes.append(contentsOf: tensors[name]!.bytes) }
        return bytes.withUnsafeBytes { Checksum.name($0) }
    }

    package var tensors: [String: StoredTensor] {
        var all: [String: StoredTensor] = [
            "vocabulary.category": StoredTensor(category), "vocabulary.seller": StoredTensor(seller),
            "vocabulary.item_type": StoredTensor(Array(itemType.rawValue.utf8)),
        ]
        var bytes: [UInt8] = [], ends: [Int64] = []
        for item in items {
            item.appendBinary(to: &bytes, type: itemType)
            ends.append(Int64(bytes.count))
        }
        all["vocabulary.items"] = StoredTensor(bytes)
        all["vocabulary.item_ends"] = StoredTensor(ends)
        for (name, texts) in [("categories", categories), ("sellers", sellers), ("scenes", scenes)] {
            all["vocabulary.\(name)"] = StoredTensor(Array(texts.joined(separator: "\0").utf8))
        }
        return all
    }

    init(_ file: SafetensorsFile, path: String) throws(SafetensorsError) {
        let damaged = { (reason: String) in SafetensorsError.damaged(path: path, reason: "vocabulary: " + reason) }
        let typeName = String(
            decoding: try file.tensor("vocabulary.item_type", path: path).array(of: UInt8.self), as: UTF8.self)
        guard let type = IDType(rawValue: typeName) else { throw damaged("unknown key type \(typeName)") }
        let bytes = try file.tensor("vocabulary.items", path: path).array(of: UInt8.self)
        let ends = try file.tensor("vocabulary.item_ends", path: path).array(of: Int64.self)
        var items: [ExternalID] = [], begin = 0
        items.reserveCapacity(ends.count)
        for end in ends.map({ Int($0) }) {
            guard begin <= end, end <= bytes.count else { throw damaged("item keys overlap") }
            guard let item = bytes.withUnsafeBytes({ ExternalID(binary: .init(rebasing: $0[begin..<end]), type: type) })
            else { throw damaged("item \(items.count) is no \(typeName)") }
            items.append(item)
            begin = end
        }
        func texts(_ name: String) throws(SafetensorsError) -> [String] {
            let bytes = try file.tensor("vocabulary.\(name)", path: path).array(of: UInt8.self)
            return String(decoding: bytes, as: UTF8.self).split(separator: "\0", omittingEmptySubsequences: false)
                .map(String.init)
        }
        let category = try file.tensor("vocabulary.category", path: path).array(of: Int32.self)
        let seller = try file.tensor("vocabulary.seller", path: path).array(of: Int32.self)
        let categories = try texts("categories"), sellers = try texts("sellers")
        guard category.count == items.count, seller.count == items.count,
            category.allSatisfy({ categories.indices.contains(Int($0)) }),
            seller.allSatisfy({ sellers.indices.contains(Int($0)) })
        else { throw damaged("side information does not fit the items") }
        self.init(
            itemType: type, items: items, category: category, seller: seller, categories: categories, sellers: sellers,
            scenes: try texts("scenes"))
    }
}
