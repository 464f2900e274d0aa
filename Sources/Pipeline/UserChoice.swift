import Domain
import Foundation
import Histories
import Postgres

/// The users whose lists are to be made anew, as they were asked for.
package enum UserChoice: Equatable, Sendable {
    /// One key a line; `-` is standard input.
    case file(String)
    /// What may follow WHERE in a query of the events.
    case condition(String)

    /// How long the database may look for users.
    static let seconds = 300
    private static let shownLines = 5

    /// - Parameter limit: users at most.
    /// - Returns: each user once, in the order of keys.
    func users(of source: EventSource, limit: Int, _ context: RunContext) throws -> [ExternalID] {
        let found: Set<ExternalID>
        switch self {
        case .file(let path): found = try Self.users(in: Self.bytes(of: path), type: source.userType)
        case .condition(let condition): found = try users(where: condition, of: source, limit: limit, context)
        }
        guard found.count <= limit else { throw BackfillError.tooManyUsers(limit: limit) }
        return found.sorted()
    }

    private static func bytes(of path: String) throws -> Data {
        if path == "-" { return try FileHandle.standardInput.readToEnd() ?? Data() }
        guard !isFolder(path), let bytes = FileManager.default.contents(atPath: path) else {
            throw BackfillError.noFile(path: path)
        }
        return bytes
    }

    /// Throws ``BackfillError/badUsers(lines:count:type:)`` with the first few lines that are no keys.
    package static func users(in bytes: Data, type: IDType) throws -> Set<ExternalID> {
        var users: Set<ExternalID> = [], bad: [String] = [], badCount = 0
        // As some editors begin a file in UTF-8.
        let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let line = line.last == 0x0D ? line.dropLast() : line
            guard !line.isEmpty else { continue }
            if let user = String(validating: line, as: UTF8.self).flatMap({ type.parse($0) }) {
                users.insert(user)
            } else {
                badCount += 1
                if bad.count < shownLines {
                    bad.append("line \(index + 1) '\(String(decoding: line.prefix(40), as: UTF8.self))'")
                }
            }
        }
        guard bad.isEmpty else { throw BackfillError.badUsers(lines: bad, count: badCount, type: type.rawValue) }
        return users
    }

    /// On a session of its own that cannot write, by the rights of this role.
    private func users(
        where condition: String, of source: EventSource, limit: Int, _ context: RunContext
    ) throws -> Set<ExternalID> {
        let connection = try context.connect("selection"), doing = "looking for the users that --where asks for"
        try connection.execute("SET default_transaction_read_only = on", doing: "promising not to write")
        do {
            return try connection.transaction(.readOnlySnapshot, doing: doing) {
                try connection.execute("SET LOCAL statement_timeout = '\(Self.seconds)s'", doing: "limiting the time")
                // With a parameter the server takes one statement and no second one.
                let rows = try connection.execute(
                    """
                    SELECT DISTINCT user_id::text AS key FROM \(source.events) WHERE user_id IS NOT NULL
                        AND \(source.remembered()) AND (
                    \(condition)
                    ) LIMIT $1::bigint
                    """, [.int(Int64(limit) + 1)], doing: doing)
                return Set(try rows.compactMap { source.userType.parse(try $0.string("key")) })
            }
        } catch let error as PostgresError {
            throw Self.reason(error, condition)
        }
    }

    private static func reason(_ error: PostgresError, _ condition: String) -> any Error {
        if error.kind == .cancelled, StopSignal.shared.reason == nil {
            return BackfillError.slowCondition(seconds: seconds)
        }
        // Syntax, names and types; values; a write; what cannot stand there.
        let isItsFault = ["42", "22", "25", "0A", "2F"].contains { error.sqlState?.hasPrefix($0) == true }
        guard isItsFault, error.kind != .noGrant else { return error }
        return BackfillError.badCondition(condition, reason: error.message)
    }
}
