-- 0001_releases.sql: models, releases, the one current release, and the run ledger.
CREATE TABLE nearline.model (
    model           text        PRIMARY KEY,
    file            text        NOT NULL,
    as_of           timestamptz NOT NULL,
    vocabulary_hash text        NOT NULL,
    item_type       text        NOT NULL,
    settings        jsonb       NOT NULL,
    figures         jsonb       NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE nearline.model IS 'Trained models: the artifact is the file, this row says where it is and what it saw.';

CREATE TABLE nearline.release (
    release             int         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state               text        NOT NULL DEFAULT 'building',
    model               text        NOT NULL REFERENCES nearline.model,
    as_of               timestamptz NOT NULL,
    serve_at            timestamptz NOT NULL,
    settings_hash       text        NOT NULL,
    candidates_per_user int         NOT NULL,
    users               bigint,
    items               bigint,
    transitions         bigint,
    payload_bytes       bigint,
    reason              text,
    created_at          timestamptz NOT NULL DEFAULT now(),
    published_at        timestamptz,
    CONSTRAINT release_state_is_known
        CHECK (state IN ('building', 'validated', 'current', 'superseded', 'failed', 'rolled_back')),
    CONSTRAINT finished_release_has_counts
        CHECK (state IN ('building', 'failed') OR (users IS NOT NULL AND items IS NOT NULL)),
    CONSTRAINT failed_release_has_a_reason CHECK (state <> 'failed' OR reason IS NOT NULL)
);
CREATE UNIQUE INDEX only_one_release_is_current ON nearline.release (state) WHERE state = 'current';

-- Readers join on this one row; moving it is the whole publication, and it never makes a reader wait.
CREATE TABLE nearline.current_release (
    only_row     boolean     PRIMARY KEY DEFAULT true,
    release      int         NOT NULL REFERENCES nearline.release,
    published_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT there_is_one_row CHECK (only_row)
) WITH (fillfactor = 10);

CREATE TABLE nearline.run (
    run           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    command       text        NOT NULL,
    state         text        NOT NULL DEFAULT 'running',
    worker        uuid        NOT NULL,
    backend_pid   int         NOT NULL,
    backend_start timestamptz,
    started_at    timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    settings      jsonb       NOT NULL DEFAULT '{}',
    input_hash    text,
    release       int         REFERENCES nearline.release ON DELETE SET NULL,
    counts        jsonb       NOT NULL DEFAULT '{}',
    stage_seconds jsonb       NOT NULL DEFAULT '{}',
    peak_bytes    bigint,
    error         text,
    CONSTRAINT run_state_is_known CHECK (state IN ('running', 'done', 'failed', 'stopped', 'lost')),
    CONSTRAINT running_means_not_ended CHECK ((state = 'running') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX one_running_run_per_command ON nearline.run (command) WHERE state = 'running';
COMMENT ON TABLE nearline.run IS 'The ledger: a row before work begins, its end and its counts after.';

CREATE TABLE nearline.quarantine (
    quarantine bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run        bigint      NOT NULL REFERENCES nearline.run ON DELETE CASCADE,
    relation   text        NOT NULL,
    reason     text        NOT NULL,
    row_text   text        NOT NULL,
    seen_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE nearline.quarantine IS 'A capped sample of the rows that a run refused, by reason.';
