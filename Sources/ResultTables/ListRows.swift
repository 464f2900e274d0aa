import Domain
import Postgres
import ResultCodec

/// Lays out lists as rows of the candidate table, and counts what they show; one for each thread that does so.
///
/// Sendable because whoever hands it to another thread waits for that before it is used again.
final class ListRows: @unchecked Sendable {
    private(set) var exposure: ExposureCounts
    private let release: Int32
    private let userType: IDType
    /// Whether numbers are `integer`, not `bigint`.
    private let isNarrow: Bool
    private var encoder = PayloadEncoder()
    private var key: [UInt8] = []
    private var payload: [UInt8] = []
    /// Where in the rows they are.
    private var payloads: [Range<Int>] = []
    /// What the rows before took, so that the next need not grow.
    private var expectedBytes = 0

    static let columns = ["user_id", "release", "payload"]

    /// From now on lists may be written with what they share.
    func use(_ dictionary: PayloadDictionary) { encoder = PayloadEncoder(dictionary: dictionary) }

    /// What this codec made smaller than any other did.
    func encoding(by codec: PayloadCodec) -> (lists: Int, bytes: Int) {
        (encoder.wins(of: codec), encoder.bytes(of: codec))
    }

    init(release: Int, userType: IDType, items: Int) {
        self.release = Int32(release)
        self.userType = userType
        isNarrow = userType == .int
        exposure = ExposureCounts(items: items)
    }

    /// The rows of some users, and the bytes of their payloads.
    func rows(
        of users: ArraySlice<(user: ExternalID, list: [Candidate])>
    ) throws(PayloadError) -> (rows: CopyRows, payloadBytes: Int) {
        var rows = CopyRows()
        rows.reserveBytes(expectedBytes)
        payloads.removeAll(keepingCapacity: true)
        try append(users.span, to: &rows, &encoder, &exposure, &payload, &payloads)
        rows.withMutableBytes { PayloadSeal.seal(payloads, in: $0) }
        let payloadBytes = payloads.reduce(0) { $0 + $1.count }
        expectedBytes = max(expectedBytes, rows.byteCount + 1024)
        return (rows, payloadBytes)
    }

    /// What changes is handed over, once for all users: a class watches each access to its variables.
    private func append(
        _ users: Span<(user: ExternalID, list: [Candidate])>, to rows: inout CopyRows, _ encoder: inout PayloadEncoder,
        _ exposure: inout ExposureCounts, _ payload: inout [UInt8], _ payloads: inout [Range<Int>]
    ) throws(PayloadError) {
        for place in users.indices {
            // Two lists ahead the list, one ahead its counts: both lie far away.
            if place + 2 < users.count { RowCounts.fetch(list: users[place + 2].list.span) }
            if place + 1 < users.count { exposure.fetch(users[place + 1].list.span) }
            try encoder.encode(users[place].list.span, into: &payload, isSealed: false)
            rows.beginRow(fields: Self.columns.count)
            append(users[place].user, to: &rows)
            rows.int32(release)
            rows.bytes(payload)
            payloads.append(rows.byteCount - payload.count..<rows.byteCount)
            exposure.count(users[place].list.span)
        }
    }

    private func append(_ user: ExternalID, to rows: inout CopyRows) {
        switch user {
        case .integer(let value):
            if isNarrow { rows.int32(Int32(truncatingIfNeeded: value)) } else { rows.int64(value) }
        default:
            key.removeAll(keepingCapacity: true)
            user.appendBinary(to: &key, type: userType)
            rows.bytes(key)
        }
    }

    /// The payload of a list that is nobody's own, and so is not counted.
    func payload(of list: [Candidate]) throws(PayloadError) -> [UInt8] { try encoder.encode(list) }
}
