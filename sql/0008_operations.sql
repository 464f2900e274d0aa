-- 0008_operations.sql: what operators ask (runs, status), roles with least privilege, and users who are to be forgotten.

-- Few of very many runs (a refresh books one a minute) are looked for, and often.
CREATE INDEX run_by_command ON nearline.run (command, run DESC);
CREATE INDEX run_that_was_lost ON nearline.run (ended_at) WHERE state = 'lost';
CREATE INDEX run_at_work ON nearline.run (run) WHERE ended_at IS NULL;

CREATE VIEW nearline.runs AS
    SELECT r.run, r.command,
        -- Nobody will end a run whose lease has passed or, where it has none, whose session has gone.
        CASE WHEN r.state <> 'running' OR h.is_held THEN r.state ELSE 'lost' END AS state,
        r.started_at, r.ended_at, coalesce(r.ended_at, now()) - r.started_at AS took, l.stage, l.done, l.total, l.unit,
        p.rate, make_interval(secs => (l.total - l.done) / nullif(p.rate, 0)) AS remaining, l.heartbeat_at,
        r.release, r.counts, (
            SELECT coalesce(sum(c.value::bigint), 0) FROM jsonb_each_text(r.counts) c WHERE c.key LIKE 'refused: %'
        )::bigint AS refused_rows, r.stage_seconds, r.peak_bytes, r.settings, r.error
    FROM nearline.run r
    -- By name, because these columns belong to leases, which a run from before them does not have.
    CROSS JOIN LATERAL jsonb_to_record(to_jsonb(r)) AS l (
        stage text, done bigint, total bigint, unit text, heartbeat_at timestamptz, lease_until timestamptz)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN r.state <> 'running' THEN false
            WHEN l.lease_until IS NOT NULL THEN l.lease_until > now()
            ELSE EXISTS (
                SELECT FROM pg_stat_activity a WHERE a.pid = r.backend_pid
                    AND (a.backend_start IS NULL OR r.backend_start IS NULL OR a.backend_start = r.backend_start))
            END AS is_held
    ) h
    CROSS JOIN LATERAL (
        -- Since the stage began: behind all those that have ended.
        SELECT CASE WHEN r.state = 'running' THEN l.done / nullif(
            extract(epoch FROM coalesce(l.heartbeat_at, now()) - r.started_at)::float8
                - (SELECT coalesce(sum(s.value::float8), 0) FROM jsonb_each_text(r.stage_seconds) s), 0) END AS rate
    ) p;
COMMENT ON VIEW nearline.runs IS
    'What ran and runs: lost where nobody will end it, and of one at work its stage, how far it is, rate a second and time '
    'left.';

CREATE VIEW nearline.run_status AS
    WITH RECURSIVE commands (command) AS (
        -- One probe of the index for each command, whatever the number of runs.
        SELECT min(command) FROM nearline.run
        UNION ALL
        SELECT (SELECT min(r.command) FROM nearline.run r WHERE r.command > c.command) FROM commands c
        WHERE c.command IS NOT NULL
    )
    SELECT c.command, last.run, last.state, last.started_at, last.ended_at, last.took, good.run AS last_success,
        good.ended_at AS last_success_at, good.took AS last_success_took, last.refused_rows, last.peak_bytes, last.error
    FROM commands c
    CROSS JOIN LATERAL (SELECT * FROM nearline.runs r WHERE r.command = c.command ORDER BY r.run DESC LIMIT 1) last
    LEFT JOIN LATERAL (
        SELECT r.run, r.ended_at, r.ended_at - r.started_at AS took FROM nearline.run r
        WHERE r.command = c.command AND r.state = 'done' ORDER BY r.run DESC LIMIT 1
    ) good ON true;
COMMENT ON VIEW nearline.run_status IS 'Of each command its last run, and the last one that was successful.';

-- The result tables have the source's key types: until the first release there are none.
CREATE FUNCTION nearline.has_lists(wanted_release int) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found boolean := false;
BEGIN
    IF to_regclass('nearline.candidate') IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM nearline.candidate WHERE release = $1)' INTO found USING wanted_release;
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION nearline.has_lists(int) IS
    'Whether there is any list of a release: a crash of the server empties an unlogged one without a word.';

CREATE FUNCTION nearline.overlay_users(wanted_release int) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found bigint := 0;
BEGIN
    IF to_regclass('nearline.overlay') IS NOT NULL THEN
        EXECUTE 'SELECT count(*) FROM nearline.overlay WHERE release = $1' INTO found USING wanted_release;
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION nearline.overlay_users(int) IS 'Users of a release whose lists were made anew since it was published.';

CREATE VIEW nearline.status AS
    SELECT p.release, r.model, r.as_of, now() - r.as_of AS age, p.published_at, now() - p.published_at AS published_age,
        r.users, r.items, r.transitions, r.payload_bytes,
        p.release IS NOT NULL AND (coalesce(r.users, 0) = 0 OR nearline.has_lists(p.release)) AS has_lists,
        (SELECT count(*) FROM nearline.release_gate g WHERE g.release = p.release AND NOT g.passed) AS gates_failed,
        b.build AS transition_build, b.as_of AS transitions_as_of, now() - b.as_of AS transitions_age,
        b.built_at AS transitions_built_at, nearline.overlay_users(p.release) AS overlay_users,
        ARRAY(SELECT u.release FROM nearline.release u WHERE u.state = 'building' ORDER BY 1) AS unfinished_releases,
        w.release AS waiting_release,
        (SELECT count(*) FROM nearline.release_gate g WHERE g.release = w.release AND NOT g.passed)
            AS waiting_gates_failed,
        (SELECT count(*) FROM nearline.runs n WHERE n.ended_at IS NULL AND n.state = 'running') AS runs_at_work,
        (SELECT count(*) FROM nearline.run n WHERE n.state = 'lost' AND n.ended_at > now() - interval '1 day')
            + (SELECT count(*) FROM nearline.runs n WHERE n.ended_at IS NULL AND n.state = 'lost') AS runs_lost,
        (SELECT max(m.number) FROM nearline.migration m) AS migration
    FROM (SELECT) AS here
    LEFT JOIN nearline.current_release p ON p.only_row
    LEFT JOIN nearline.release r ON r.release = p.release
    LEFT JOIN nearline.transition_build b ON b.build = r.transition_build
    LEFT JOIN LATERAL (
        SELECT max(v.release) AS release FROM nearline.release v
        WHERE v.state = 'validated' AND v.pruned_at IS NULL AND v.release > coalesce(p.release, 0)
    ) w ON true;
COMMENT ON VIEW nearline.status IS
    'One row, whether there is a release or not: what is served and how old it is, what waits or was left unfinished, '
    'runs at work and lost (the last day''s), use of the overlay.';
REVOKE EXECUTE ON FUNCTION nearline.has_lists(int), nearline.overlay_users(int) FROM PUBLIC;
