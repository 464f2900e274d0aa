import Domain
import ResultCodec

/// What turns a payload of a release into a list: the same for lists from SQL and from a snapshot.
struct ListDecoding: Sendable {
    let release: Release
    let items: ItemDictionary

    /// Fills `list` from a payload; an absent one is a list without items.
    func decode(
        _ payload: UnsafeRawBufferPointer?, dictionary: PayloadDictionary?, origin: ListOrigin, asOf: Instant,
        count: Int, into list: inout CandidateList
    ) throws(ListDecodingError) {
        list.release = release.number
        list.publishedAt = release.publishedAt
        list.asOf = asOf
        list.origin = origin
        list.items.removeAll(keepingCapacity: true)
        guard let payload else { return }
        do throws(PayloadError) {
            try PayloadDecoder.decode(payload, dictionary: dictionary, into: &list.decoded)
        } catch {
            throw reason(error)
        }
        try name(&list, count: count)
    }

    private func reason(_ error: PayloadError) -> ListDecodingError {
        if case .missingDictionary(let id) = error { return .missingDictionary(id, error) }
        return .failed(NearlineClientError(error, release: release.number))
    }

    private func name(_ list: inout CandidateList, count: Int) throws(ListDecodingError) {
        let places = min(max(0, count), list.decoded.count)
        if let row = items.name(list.decoded[..<places], into: &list.items) {
            let reason = "row \(row) of a list is not among its \(items.count) items"
            throw .failed(.damagedRelease(release: release.number, reason: reason))
        }
    }

    /// Fills `next` from a payload, whose rows are clusters; an absent one is an answer without places.
    func decode(
        _ payload: UnsafeRawBufferPointer?, dictionary: PayloadDictionary?, basis: NextClusters.Basis, names: [String],
        into next: inout NextClusters
    ) throws(ListDecodingError) {
        next.release = release.number
        next.basis = basis
        next.places.removeAll(keepingCapacity: true)
        guard let payload else { return }
        do throws(PayloadError) {
            try PayloadDecoder.decode(payload, dictionary: dictionary, into: &next.decoded)
        } catch {
            throw reason(error)
        }
        for (index, candidate) in next.decoded.enumerated() {
            guard names.indices.contains(Int(candidate.row)) else {
                let reason = "cluster \(candidate.row) of a transition has no name"
                throw .failed(.damagedRelease(release: release.number, reason: reason))
            }
            next.places.append(
                NextClusters.Place(
                    rank: index + 1, cluster: names[Int(candidate.row)], probability: candidate.score))
        }
    }
}

/// Why a payload was not read: for want of a dictionary, which may be fetched, or for good.
enum ListDecodingError: Error {
    case missingDictionary(UInt32, PayloadError)
    case failed(NearlineClientError)
}

extension PayloadError {
    /// The dictionary that the payload asks for, where that is why it was not read.
    fileprivate var missingDictionary: UInt32? {
        guard case .missingDictionary(let id) = self else { return nil }
        return id
    }
}
