/// One user's tokens in the order of time, each session's context token before its items; pointers into a batch.
package struct SessionTokens {
    /// Of the user in the batch.
    package let number: Int
    package let tokens: Int
    package let sessions: Int
    /// `[tokens]`: row in the batch, session; `[sessions + 1]`: place of each session's context token; `[tokens]`: 0, 1, ...
    package let order: UnsafePointer<Int32>
    package let session: UnsafePointer<Int32>
    package let first: UnsafePointer<Int32>
    private let places: UnsafePointer<Int32>
    /// `[sessions, sessions]`: bucket of the time between two sessions.
    package let bucket: UnsafePointer<UInt8>

    package init(
        number: Int, tokens: Int, sessions: Int, order: UnsafePointer<Int32>, session: UnsafePointer<Int32>,
        first: UnsafePointer<Int32>, places: UnsafePointer<Int32>, bucket: UnsafePointer<UInt8>
    ) {
        self.number = number
        self.tokens = tokens
        self.sessions = sessions
        self.order = order
        self.session = session
        self.first = first
        self.places = places
        self.bucket = bucket
    }

    package var all: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: places, count: tokens) }
    /// Every session's context token.
    package var contexts: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: first, count: sessions) }
}
