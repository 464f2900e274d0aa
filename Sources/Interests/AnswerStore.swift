import Postgres

/// The answers that were given before, in `nearline.interest_answer`.
///
/// An actor, because one session of libpq is used by one thread at a time, and it waits while it works.
package actor AnswerStore {
    private let connection: Connection

    package init(_ connection: sending Connection) { self.connection = connection }

    /// The answers among these prompts' that are there.
    package func known(_ hashes: [String]) throws(PostgresError) -> [String: ChatAnswer] {
        let rows = try connection.execute(
            """
            SELECT prompt_hash, answer, prompt_tokens, completion_tokens FROM nearline.interest_answer
            WHERE prompt_hash = ANY ($1::text[])
            """, [.text("{" + hashes.joined(separator: ",") + "}")], doing: "looking for earlier answers")
        var found: [String: ChatAnswer] = [:]
        for row in rows {
            found[try row.string("prompt_hash")] = ChatAnswer(
                text: try row.string("answer"), promptTokens: try row.int("prompt_tokens"),
                completionTokens: try row.int("completion_tokens"))
        }
        return found
    }

    /// Keeps one answer, in a transaction of its own: what was paid for is there whatever ends the run.
    package func keep(_ answer: ChatAnswer, to hash: String, of model: String) throws(PostgresError) {
        try connection.execute(
            """
            INSERT INTO nearline.interest_answer (prompt_hash, model, answer, prompt_tokens, completion_tokens)
            VALUES ($1, $2, $3, $4::int, $5::int) ON CONFLICT (prompt_hash) DO NOTHING
            """,
            [
                .text(hash), .text(model), .text(AnswerStore.storable(answer.text)), .int(Int64(answer.promptTokens)),
                .int(Int64(answer.completionTokens)),
            ], doing: "keeping an answer")
    }

    /// PostgreSQL's text holds no zero byte, and a model may say anything.
    static func storable(_ text: String) -> String { text.replacing("\0", with: "") }
}
