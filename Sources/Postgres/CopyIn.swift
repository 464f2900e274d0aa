import CLibPQ

extension Connection {
    /// Loads rows into a relation in binary, and returns how many the server says it stored.
    ///
    /// When `body` throws, nothing is stored and that error is thrown; the connection stays usable (a transaction
    /// around it can only roll back). A server that stored another number of rows than were written is an error; put
    /// the COPY in a transaction, and that error takes the rows back.
    ///
    /// - Parameters:
    ///   - target: a quoted relation, see ``Quote/relation(_:)``.
    ///   - columns: their plain names, in the order of the fields.
    @discardableResult
    package func copyIn(
        _ target: String, columns: [String], doing: String, body: (inout CopyWriter) throws -> Void
    ) throws -> Int {
        let names = columns.map(Quote.identifier).joined(separator: ", ")
        let started = try start("COPY \(target) (\(names)) FROM STDIN (FORMAT binary)", doing: doing)
        precondition(started.status == PGRES_COPY_IN, "COPY FROM STDIN did not start")
        isCopying = true
        defer { isCopying = false }
        var writer = CopyWriter(connection: self, doing: doing)
        do {
            try body(&writer)
            try writer.finish()
            guard PQputCopyEnd(handle, nil) == 1 else { throw failure(nil, doing: doing) }
        } catch {
            noteAbort(error)
            PQputCopyEnd(handle, "stopped by the client")
            discardResults()
            throw error
        }
        let stored = try finishCopy(doing: doing).affected
        guard stored == writer.rowsWritten else {
            throw PostgresError(
                doing: doing, message: "wrote \(writer.rowsWritten) rows, but the server stored \(stored)",
                hint: "a trigger on \(target) may drop rows")
        }
        return stored
    }
}
