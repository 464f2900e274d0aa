import CLibPQ

/// What a transaction may do, and what it sees.
package enum TransactionMode: Sendable {
    /// READ COMMITTED: each statement sees what was committed before it, as `FOR UPDATE SKIP LOCKED` needs.
    case readWrite
    /// REPEATABLE READ, READ ONLY: every statement sees the same instant, and any write is refused.
    case readOnlySnapshot

    fileprivate var begin: String {
        switch self {
        case .readWrite: "BEGIN ISOLATION LEVEL READ COMMITTED"
        case .readOnlySnapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        }
    }
}

extension Connection {
    /// Commits what `body` did, or, when it throws, rolls all of it back and throws the first failure.
    ///
    /// A failed statement dooms its transaction, so one that `body` swallowed is thrown here instead of a commit.
    /// Transactions do not nest: a call inside another's body is a mistake and traps.
    package func transaction<T>(
        _ mode: TransactionMode = .readWrite, doing: String, _ body: () throws -> T
    ) throws -> T {
        precondition(
            !isInTransaction && ![PQTRANS_INTRANS, PQTRANS_INERROR].contains(PQtransactionStatus(handle)),
            "transactions do not nest")
        try execute(mode.begin, doing: doing)
        isInTransaction = true
        defer {
            isInTransaction = false
            forgetAbort()
        }
        let value: T
        do {
            value = try body()
            if PQtransactionStatus(handle) == PQTRANS_INERROR {
                throw abortedBy ?? PostgresError(doing: doing, message: "a statement failed, so nothing was committed")
            }
        } catch {
            // A rollback that fails means a lost connection, which rolls back too.
            PQclear(PQexec(handle, "ROLLBACK"))
            let onlySaysAborted = (error as? PostgresError)?.sqlState == "25P02"
            throw onlySaysAborted ? abortedBy ?? error : error
        }
        try commit(doing: doing)
        return value
    }

    private func commit(doing: String) throws(PostgresError) {
        do {
            try execute("COMMIT", doing: doing)
        } catch {
            var error = error
            if error.kind == .unreachable {
                error.message += "; whether this transaction was committed is unknown, look before doing it again"
            } else if PQtransactionStatus(handle) != PQTRANS_IDLE {
                PQclear(PQexec(handle, "ROLLBACK"))
            }
            throw error
        }
    }
}
