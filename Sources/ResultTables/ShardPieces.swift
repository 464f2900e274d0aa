import Dispatch
import Domain
import Postgres
import Synchronization

/// The rows of one shard in pieces, which other threads lay out while this one sends; where that is not enough, this one
/// lends a hand. What comes out does not depend on who did which.
final class ShardPieces: Sendable {
    typealias Piece = (rows: CopyRows, payloadBytes: Int)

    /// How many there are.
    let count: Int
    private let users: [(user: ExternalID, list: [Candidate])]
    private let next = Atomic<Int>(0)
    private let made: Mutex<[Result<Piece, any Error>?]>
    private let oneMore = DispatchSemaphore(value: 0)
    private let helpers = DispatchGroup()
    /// What this thread lays out with; each of the others has its own.
    private let here: ListRows

    private static let usersPerPiece = 256
    /// The first ones are smaller, so that the server soon has something to do: so many take the place of one.
    private static let firstPieces = 4

    /// Begins at once.
    init(_ users: [(user: ExternalID, list: [Candidate])], here: ListRows, beside: [ListRows]) {
        self.users = users
        self.here = here
        count = Self.piece(of: users.count - 1) + 1
        made = Mutex(Array(repeating: nil, count: count))
        for rows in beside.prefix(max(count - 1, 0)) {
            DispatchQueue.global(qos: .userInitiated).async(group: helpers) {
                while let piece = self.claim() {
                    self.make(piece, with: rows)
                    self.oneMore.signal()
                }
            }
        }
    }

    /// The piece that a user is in; -1 for the one before the first.
    private static func piece(of user: Int) -> Int {
        guard user >= usersPerPiece else { return user < 0 ? -1 : user / (usersPerPiece / firstPieces) }
        return user / usersPerPiece + firstPieces - 1
    }

    private static func firstUser(of piece: Int) -> Int {
        piece < firstPieces ? piece * (usersPerPiece / firstPieces) : (piece - firstPieces + 1) * usersPerPiece
    }

    /// A piece, once; waits for it where another thread is at it.
    func take(_ piece: Int) throws -> Piece {
        while true {
            if let result = made.withLock({ $0[piece].take() }) { return try result.get() }
            if let free = claim() { make(free, with: here) } else { oneMore.wait() }
        }
    }

    /// Returns when the other threads have let go of everything; pieces that nobody has begun are not made any more.
    func end() {
        next.store(count, ordering: .relaxed)
        helpers.wait()
    }

    /// The next piece that nobody is at; nil where there is none left.
    private func claim() -> Int? {
        let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
        return piece < count ? piece : nil
    }

    private func make(_ piece: Int, with maker: ListRows) {
        let end = min(Self.firstUser(of: piece + 1), users.count)
        let result = Result<Piece, any Error> { try maker.rows(of: users[Self.firstUser(of: piece)..<end]) }
        made.withLock { $0[piece] = result }
    }
}
