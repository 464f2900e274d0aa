import Domain
import Postgres

/// What some users and transition keys of a release have to be answered, decoded from its tables on this side: to hold
/// against any other way of reading it.
///
/// The same users every time, chosen by a hash of their keys. Lists that cannot be read are left out: they are the
/// affair of another gate.
package struct CanarySample: Sendable, Equatable {
    package struct List: Sendable, Equatable {
        /// The key as text.
        package var user: String
        package var items: [ListedItem]
    }

    /// The clusters behind a key, by name; `older` is nil in a key of one cluster, both are in everybody's.
    package struct Transition: Sendable, Equatable {
        package struct Next: Sendable, Equatable {
            package var rank: Int
            package var cluster: String
            package var probability: Float
        }

        package var older: String?
        package var latest: String?
        package var next: [Next]
    }

    package let release: Int
    package let users: [List]
    /// A key that has no list; nil where none was found, or where the fallback list cannot be read.
    package let unknownUser: String?
    /// What the unknown user is to be answered.
    package let fallback: [ListedItem]
    package let transitions: [Transition]

    package static func draw(release: Int, users: Int, keys: Int, on connection: Connection) throws -> CanarySample {
        let draw = try CanaryDraw(release: release, connection: connection), fallback = try draw.fallback()
        return CanarySample(
            release: release, users: try draw.lists(users),
            unknownUser: fallback == nil ? nil : try draw.unknownUser(), fallback: fallback ?? [],
            transitions: try draw.transitions(keys))
    }

    /// The users, the unknown one among them, whom `read` answers anything else, rank by rank, than what is stored.
    package func differing(_ read: (_ user: String) throws -> [ListedItem]) rethrows -> [String] {
        let known = try users.filter { try read($0.user) != $0.items }.map(\.user)
        guard let unknownUser, try read(unknownUser) != fallback else { return known }
        return known + [unknownUser]
    }

    /// Users whose lists are compared.
    package var count: Int { users.count + (unknownUser == nil ? 0 : 1) }
}
