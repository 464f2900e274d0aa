import Domain

/// A release as its row says it.
package struct ReleaseRow: Sendable {
    package var release: Int
    package var state: String
    package var model: String
    package var asOf: String
    package var serveAt: String
    package var settingsHash: String
    package var candidatesPerUser: Int
    package var users: Int
    package var items: Int
    package var transitions: Int
    package var payloadBytes: Int
    package var publishedAt: String?
    package var createdAt: String
    /// Seconds since the as-of instant.
    package var ageSeconds: Double
    package var pinReason: String?
    package var isPruned: Bool
    /// The day that it is for, where one was asked for.
    package var date: LogicalDate?
    /// Of a past day: it does not wait to be published.
    package var isHistory: Bool
    package var isUnlogged: Bool
    /// Lists and bytes by payload codec, JSON.
    package var encoding: String
}
