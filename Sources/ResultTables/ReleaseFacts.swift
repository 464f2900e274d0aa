import Domain

/// What a release is made from; stored beside it.
package struct ReleaseFacts: Sendable {
    package var model: String
    package var asOf: String
    package var serveAt: String
    package var settingsHash: String
    package var candidatesPerUser: Int
    /// The parts of the hash, as a JSON object: what a run that goes on with the release must have the same.
    package var madeFrom: String
    /// The day that it is for; nil where it was asked for as of another instant.
    package var date: LogicalDate?
    /// Of a past day, to be looked into: it does not wait to be published.
    package var isHistory: Bool

    package init(
        model: String, asOf: String, serveAt: String, settingsHash: String, candidatesPerUser: Int,
        madeFrom: String = "{}", date: LogicalDate? = nil, isHistory: Bool = false
    ) {
        self.model = model
        self.asOf = asOf
        self.serveAt = serveAt
        self.settingsHash = settingsHash
        self.candidatesPerUser = candidatesPerUser
        self.madeFrom = madeFrom
        self.date = date
        self.isHistory = isHistory
    }
}
