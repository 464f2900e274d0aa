/// Why a row of the source was left out.
package enum RefusedReason: String, Sendable, CaseIterable {
    case missingUser = "missing user"
    case missingItem = "missing item"
    case missingTime = "missing or infinite time"
    case beforeYear1990 = "before 1990"
    case inTheFuture = "in the future"
    case unknownAction = "unknown action"
    /// A text key of more bytes than ``IDType/longestText``.
    case overlongKey = "overlong key"
}

/// Rows that a pass over the source left out: all of them counted by reason, the first few of each kept to be shown.
package struct RefusedRows: Sendable {
    package private(set) var counts: [RefusedReason: Int] = [:]
    package private(set) var sample: [(reason: RefusedReason, text: String)] = []
    package static let samplePerReason = 20

    package init() {}

    package var total: Int { counts.values.reduce(0, +) }

    package var summary: String {
        RefusedReason.allCases.compactMap { reason in counts[reason].map { "\($0) \(reason.rawValue)" } }
            .joined(separator: ", ")
    }

    package mutating func add(_ reason: RefusedReason, _ text: @autoclosure () -> String) {
        counts[reason, default: 0] += 1
        if counts[reason]! <= Self.samplePerReason { sample.append((reason, text())) }
    }

    /// Adds what another part of the same pass left out.
    mutating func add(_ other: RefusedRows) {
        for (reason, count) in other.counts { counts[reason, default: 0] += count }
        for reason in RefusedReason.allCases {
            let room = Self.samplePerReason - sample.filter { $0.reason == reason }.count
            sample += other.sample.filter { $0.reason == reason }.prefix(max(0, room))
        }
    }
}
