/// What a release is made from; stored beside it.
package struct ReleaseFacts: Sendable {
    package var model: String
    package var asOf: String
    package var serveAt: String
    package var settingsHash: String
    package var candidatesPerUser: Int
    /// The parts of the hash, as a JSON object: what a run that goes on with the release must have the same.
    package var madeFrom: String

    package init(
        model: String, asOf: String, serveAt: String, settingsHash: String, candidatesPerUser: Int,
        madeFrom: String = "{}"
    ) {
        self.model = model
        self.asOf = asOf
        self.serveAt = serveAt
        self.settingsHash = settingsHash
        self.candidatesPerUser = candidatesPerUser
        self.madeFrom = madeFrom
    }
}
