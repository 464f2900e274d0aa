-- 0007_interests.sql: what a language model answered, so that nothing is asked twice.
CREATE TABLE nearline.interest_answer (
    prompt_hash       text        PRIMARY KEY,
    model             text        NOT NULL,
    answer            text        NOT NULL,
    prompt_tokens     int         NOT NULL,
    completion_tokens int         NOT NULL,
    asked_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT prompt_hash_is_an_xxh3 CHECK (prompt_hash ~ '^[0-9a-f]{32}$'),
    CONSTRAINT tokens_are_not_negative CHECK (prompt_tokens >= 0 AND completion_tokens >= 0)
);
CREATE INDEX interest_answer_by_age ON nearline.interest_answer (asked_at);
COMMENT ON TABLE nearline.interest_answer IS
    'Answers of language models as they came, by their prompts; a row that is deleted is asked and paid for again.';
COMMENT ON COLUMN nearline.interest_answer.prompt_hash IS 'XXH3-128 of model, temperature and all messages.';
