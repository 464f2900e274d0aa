import CLibPQ

extension Connection {
    /// Streams the rows of a query in binary, one at a time; the server waits while `row` works. Returns their number.
    ///
    /// When `row` throws, the COPY is cancelled and drained and that error is thrown; the connection stays usable (a
    /// transaction around it can only roll back).
    ///
    /// - Parameter query: a SELECT; COPY takes no parameters.
    @discardableResult
    package func copyOut(
        _ query: String, doing: String, row: (inout CopyRow) throws -> Void
    ) throws -> Int {
        // The line breaks end a comment at the end of the query.
        let started = try start("COPY (\n\(query)\n) TO STDOUT (FORMAT binary)", doing: doing)
        precondition(started.status == PGRES_COPY_OUT, "COPY TO STDOUT did not start")
        isCopying = true
        defer { isCopying = false }
        var stream = CopyStream(doing: doing)
        do {
            while let message = try nextMessage(doing: doing) {
                defer { PQfreemem(UnsafeMutableRawPointer(mutating: message.baseAddress)) }
                try stream.take(message, row: row)
            }
            try stream.finish()
        } catch {
            abandonCopyOut(because: error)
            throw error
        }
        return stream.rowCount
    }

    /// The next message of the COPY, which the caller frees; nil at its end.
    private func nextMessage(doing: String) throws(PostgresError) -> UnsafeRawBufferPointer? {
        var buffer: UnsafeMutablePointer<CChar>?
        let length = PQgetCopyData(handle, &buffer, 0)
        switch length {
        case 1...: return UnsafeRawBufferPointer(start: buffer, count: Int(length))
        case -1:
            _ = try finishCopy(doing: doing)
            return nil
        default: throw failure(nil, doing: doing)
        }
    }

    /// Stops the server and reads what was already on its way.
    private func abandonCopyOut(because error: any Error) {
        guard PQtransactionStatus(handle) == PQTRANS_ACTIVE else { return }
        noteAbort(error)
        cancelHandle.cancel()
        var buffer: UnsafeMutablePointer<CChar>?
        while PQgetCopyData(handle, &buffer, 0) > 0 { PQfreemem(buffer) }
        discardResults()
    }

    /// Reads the outcome of a COPY that was given up, which only echoes why.
    func discardResults() {
        while let pointer = PQgetResult(handle), !QueryResult(pointer).isCopying {}
    }

    /// The outcome of a COPY whose data has ended: its first failure, or its final result.
    func finishCopy(doing: String) throws(PostgresError) -> QueryResult {
        var final = QueryResult(nil)
        var error: PostgresError?
        while let pointer = PQgetResult(handle) {
            final = QueryResult(pointer)
            if final.isCopying { break }
            if !final.succeeded, error == nil { error = failure(final, doing: doing) }
        }
        if let error { throw error }
        guard final.status == PGRES_COMMAND_OK else { throw failure(final, doing: doing) }
        return final
    }
}
