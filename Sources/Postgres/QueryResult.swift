import CLibPQ

/// Owns one libpq result. Sendable because libpq never changes a result once it has handed it out.
final class QueryResult: @unchecked Sendable {
    let pointer: OpaquePointer?

    init(_ pointer: OpaquePointer?) { self.pointer = pointer }

    deinit { PQclear(pointer) }

    var status: ExecStatusType { PQresultStatus(pointer) }

    var succeeded: Bool { status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY }

    var isCopying: Bool { status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH }

    /// Rows inserted, updated, deleted, selected or copied.
    var affected: Int { PQcmdTuples(pointer).flatMap { Int(String(cString: $0)) } ?? 0 }

    /// "COMMIT", "INSERT 0 1".
    var commandTag: String { PQcmdStatus(pointer).map { String(cString: $0) } ?? "" }
}

extension PostgresError {
    /// What a failed result says, or, where the server said nothing, what libpq says about the connection.
    init(_ result: QueryResult?, on handle: OpaquePointer, doing: String) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result?.pointer, Int32(code.asciiValue!)).map { oneLine(String(cString: $0)) }
        }
        let sqlState = field("C")
        // Data exceptions quote the value they refuse; their details, and those of constraints, quote rows.
        let quotesValues = sqlState?.hasPrefix("22") ?? false
        let detailsQuoteValues = quotesValues || (sqlState?.hasPrefix("23") ?? false)
        let message = field("M") ?? oneLine(PQerrorMessage(handle).map { String(cString: $0) } ?? "")
        self.init(
            doing: doing, sqlState: sqlState,
            message: message.isEmpty ? "no answer from the server" : quotesValues ? withoutQuotes(message) : message,
            detail: detailsQuoteValues ? nil : field("D"), hint: field("H"),
            // Servers always say a code: without one it was libpq that spoke, of a session that has ended, also where it
            // does not call the connection bad yet.
            kind: PQstatus(handle) == CONNECTION_BAD || sqlState == nil ? .unreachable : nil)
    }
}

/// libpq's several lines as one, for a log.
func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline)
        .map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
        .filter { !$0.isEmpty }
        .joined(separator: "; ")
}

/// Everything from the first double quote to the last is struck out: a value may itself hold quotes.
private func withoutQuotes(_ message: String) -> String {
    guard let first = message.firstIndex(of: "\""), let last = message.lastIndex(of: "\""), first < last else {
        return message
    }
    return message[..<first] + "(value withheld)" + message[message.index(after: last)...]
}
