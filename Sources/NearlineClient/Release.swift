/// What a release says about itself.
public struct Release: Hashable, Sendable {
    public var number: Int
    /// The model that made its lists.
    public var model: String
    /// Events up to here were read.
    public var asOf: Instant
    /// The instant for which lists were computed.
    public var serveAt: Instant
    /// nil in a snapshot that was written before its release was published.
    public var publishedAt: Instant?
}
