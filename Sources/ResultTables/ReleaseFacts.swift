/// What a release is made from; stored beside it.
package struct ReleaseFacts: Sendable {
    package var model: String
    package var asOf: String
    package var serveAt: String
    package var settingsHash: String
    package var candidatesPerUser: Int

    package init(model: String, asOf: String, serveAt: String, settingsHash: String, candidatesPerUser: Int) {
        self.model = model
        self.asOf = asOf
        self.serveAt = serveAt
        self.settingsHash = settingsHash
        self.candidatesPerUser = candidatesPerUser
    }
}
