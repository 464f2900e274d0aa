import CLibPQ

extension Connection {
    /// Asks one prepared statement many times without waiting for each answer, and hands on the answers in order.
    ///
    /// The first failure is thrown, once the answers that were on their way have been read; the connection stays
    /// usable.
    ///
    /// - Parameter parameters: those of each time, in binary.
    package func askEach(
        _ statement: PreparedStatement, _ parameters: [[[UInt8]?]], doing: String,
        answer: (Int, BinaryRows) throws -> Void
    ) throws {
        precondition(!isCopying, "the connection is in the middle of a COPY")
        for start in stride(from: 0, to: parameters.count, by: Self.longestWindow) {
            let window = start..<min(parameters.count, start + Self.longestWindow)
            try ask(statement, parameters, window, doing: doing, answer: answer)
        }
    }

    /// What is sent before anything is read: libpq keeps the answers that come meanwhile in memory (so that client and
    /// server never wait for each other to read), and many small round trips in one are nearly as cheap as all of them.
    private static let longestWindow = 128

    private func ask(
        _ statement: PreparedStatement, _ parameters: [[[UInt8]?]], _ window: Range<Int>, doing: String,
        answer: (Int, BinaryRows) throws -> Void
    ) throws {
        guard PQenterPipelineMode(handle) == 1 else { throw failure(nil, doing: doing) }
        var first: (any Error)?
        for number in window where first == nil {
            let sent = withBinary(parameters[number]) {
                PQsendQueryPrepared(handle, statement.name, $0.count, $0.values, $0.lengths, $0.formats, 1)
            }
            if sent != 1 { first = failure(nil, doing: doing) }
        }
        if PQpipelineSync(handle) != 1, first == nil { first = failure(nil, doing: doing) }
        readAnswers(window, doing: doing, first: &first, answer: answer)
        guard PQexitPipelineMode(handle) == 1 else { throw first ?? failure(nil, doing: doing) }
        if let first { throw first }
    }

    /// Reads up to the end of the window, also behind a failure: what is left would be taken for answers to the next
    /// one.
    private func readAnswers(
        _ window: Range<Int>, doing: String, first: inout (any Error)?, answer: (Int, BinaryRows) throws -> Void
    ) {
        var number = window.lowerBound
        var sawEndOfAnswer = false
        while true {
            guard let pointer = PQgetResult(handle) else {
                // One nil ends an answer, a second says that there is nothing more: the connection is lost.
                if sawEndOfAnswer { break }
                sawEndOfAnswer = true
                continue
            }
            let result = QueryResult(pointer)
            sawEndOfAnswer = false
            if result.status == PGRES_PIPELINE_SYNC { break }
            if first == nil {
                if result.succeeded {
                    do { try answer(number, BinaryRows(result)) } catch { first = error }
                } else {
                    first = failure(result, doing: doing)
                }
            }
            number += 1
        }
        if number != window.upperBound, first == nil { first = failure(nil, doing: doing) }
    }
}
