/// Payloads by the key of the last clusters, sorted for a binary search: count (8 bytes), keys (8 bytes each),
/// ``BlobList``.
struct TransitionTable {
    private let keys: UnsafeRawBufferPointer
    private let payloads: BlobList

    init?(_ section: UnsafeRawBufferPointer) {
        var offset = 8
        guard let stated = section.integer(UInt64.self, at: 0), let count = Int(exactly: stated),
            count <= section.count, let keys = section.slice(8 * count, at: &offset),
            let rest = section.slice(section.count - offset, at: &offset),
            let payloads = BlobList(rest, width: nil), payloads.count == count
        else { return nil }
        (self.keys, self.payloads) = (keys, payloads)
    }

    var count: Int { payloads.count }

    func payload(of key: Int64) -> UnsafeRawBufferPointer? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if keys.integer(Int64.self, at: 8 * middle)! < key { low = middle + 1 } else { high = middle }
        }
        guard low < count, keys.integer(Int64.self, at: 8 * low)! == key else { return nil }
        return payloads[low]
    }

    /// The section; keys ascend and differ.
    static func bytes(_ sorted: [(key: Int64, payload: [UInt8])]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(sorted.count))
        var payloads = BlobListBuilder(width: nil)
        for (key, payload) in sorted {
            bytes.append(littleEndian: key)
            payload.withUnsafeBytes { payloads.append($0) }
        }
        return bytes + payloads.bytes
    }
}
