-- 0009_leases.sql: runs and shards that are leased, so that a release is made by several processes and goes on after a kill.
ALTER TABLE nearline.run
    ADD COLUMN heartbeat_at timestamptz,
    ADD COLUMN lease_until  timestamptz,
    ADD COLUMN is_pooled    boolean NOT NULL DEFAULT false,
    ADD COLUMN stage        text,
    ADD COLUMN done         bigint,
    ADD COLUMN total        bigint,
    ADD COLUMN unit         text,
    ADD COLUMN as_of        timestamptz,
    ADD COLUMN serve_at     timestamptz,
    ADD COLUMN model        text,
    ADD COLUMN config_hash  text,
    ADD COLUMN code_version text;
COMMENT ON COLUMN nearline.run.lease_until IS
    'Renewed every few seconds by the process; one that is frozen or cut off beyond it has lost the run.';
COMMENT ON COLUMN nearline.run.is_pooled IS
    'True where a pooler stands between: then the session that booked the run says nothing about its process.';

CREATE FUNCTION nearline.is_alive(
    lease_until timestamptz, is_pooled boolean, backend_pid int, backend_start timestamptz
) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED AS $$
    SELECT coalesce(lease_until > clock_timestamp(), true) AND (is_pooled OR EXISTS (
        -- Of other roles' sessions the beginning is not shown.
        SELECT FROM pg_stat_activity a WHERE a.pid = is_alive.backend_pid
            AND (a.backend_start IS NULL OR is_alive.backend_start IS NULL
                OR a.backend_start = is_alive.backend_start)))
$$;
COMMENT ON FUNCTION nearline.is_alive(timestamptz, boolean, int, timestamptz) IS
    'Whether whoever holds a lease can still be at work: it has not run out, and the database session is there.';

ALTER TABLE nearline.release
    ADD COLUMN run       bigint REFERENCES nearline.run ON DELETE SET NULL,
    ADD COLUMN made_from jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN nearline.release.run IS
    'The run that builds it, or built it last: a later one that goes on with it writes its own number here, and what an '
    'earlier one still sends is refused.';
COMMENT ON COLUMN nearline.release.made_from IS
    'The parts of settings_hash: model, instants, settings, events; a run that goes on needs the same.';

ALTER TABLE nearline.release_shard
    ALTER COLUMN users SET DEFAULT 0,
    ALTER COLUMN payload_bytes SET DEFAULT 0,
    ADD COLUMN state         text NOT NULL DEFAULT 'done',
    ADD COLUMN first_user    text,
    ADD COLUMN end_user      text,
    ADD COLUMN worker        uuid,
    ADD COLUMN term          int NOT NULL DEFAULT 0,
    ADD COLUMN lease_until   timestamptz,
    ADD COLUMN is_pooled     boolean NOT NULL DEFAULT false,
    ADD COLUMN backend_pid   int,
    ADD COLUMN backend_start timestamptz,
    ADD COLUMN figures       jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT shard_state_is_known CHECK (state IN ('open', 'claimed', 'done')),
    ADD CONSTRAINT claimed_shard_has_a_holder CHECK (state <> 'claimed' OR (worker IS NOT NULL AND lease_until IS NOT NULL));
COMMENT ON TABLE nearline.release_shard IS
    'The ledger of a build: ranges of users, claimed by workers for a minute at a time. A shard is done in the transaction '
    'that stores its lists, so that one is there with the other.';
COMMENT ON COLUMN nearline.release_shard.first_user IS 'The first user of the range; NULL begins at the first of all.';
COMMENT ON COLUMN nearline.release_shard.end_user IS 'The user before whom the range ends; NULL ends with the last of all.';
COMMENT ON COLUMN nearline.release_shard.term IS
    'Counts the claims: who holds an earlier term can store nothing any more (a fencing token).';
COMMENT ON COLUMN nearline.release_shard.figures IS 'What its worker counted, summed up when the release is whole.';
