-- 0011_dates.sql: the day that a run or a release is for, and releases of past days, which wait for nobody.
ALTER TABLE nearline.run ADD COLUMN logical_date date;
COMMENT ON COLUMN nearline.run.logical_date IS 'The day (UTC) that the run is for; NULL where none was asked for.';

ALTER TABLE nearline.release
    ADD COLUMN logical_date date,
    ADD COLUMN is_history   boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT history_is_of_a_day CHECK (NOT is_history OR logical_date IS NOT NULL);
COMMENT ON COLUMN nearline.release.logical_date IS
    'The day (UTC) at whose beginning its events end; NULL where it was made as of another instant.';
COMMENT ON COLUMN nearline.release.is_history IS
    'True for a past day''s release that a backfill made: to be looked into, not to be served. It does not wait to be '
    'published, and goes with nearline prune --history only.';
CREATE INDEX release_by_date ON nearline.release (logical_date) WHERE logical_date IS NOT NULL;

CREATE OR REPLACE VIEW nearline.releases AS
    SELECT r.release, r.state, r.published_at, now() - r.as_of AS age, r.users, r.items, r.transitions, r.model, r.as_of,
        r.serve_at, r.pin_reason, (
            SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
            WHERE c.relnamespace = 'nearline'::regnamespace AND c.relname IN (
                'candidate_r' || r.release, 'overlay_r' || r.release, 'transition_r' || r.release,
                'release_item_r' || r.release)
        )::bigint AS bytes, g.gates_passed, g.gates_failed, r.created_at, r.logical_date, r.is_history
    FROM nearline.release r
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE passed) AS gates_passed, count(*) FILTER (WHERE NOT passed) AS gates_failed
        FROM nearline.release_gate g WHERE g.release = r.release
    ) g
    WHERE r.pruned_at IS NULL;

CREATE OR REPLACE VIEW nearline.runs AS
    SELECT r.run, r.command,
        -- Nobody will end a run whose lease has passed, or whose session has gone.
        CASE WHEN r.state <> 'running'
            OR nearline.is_alive(r.lease_until, r.is_pooled, r.backend_pid, r.backend_start) THEN r.state ELSE 'lost' END
            AS state,
        r.started_at, r.ended_at, coalesce(r.ended_at, now()) - r.started_at AS took, r.stage, r.done, r.total, r.unit,
        p.rate, make_interval(secs => (r.total - r.done) / nullif(p.rate, 0)) AS remaining, r.heartbeat_at,
        r.release, r.counts, (
            SELECT coalesce(sum(c.value::bigint), 0) FROM jsonb_each_text(r.counts) c WHERE c.key LIKE 'refused: %'
        )::bigint AS refused_rows, r.stage_seconds, r.peak_bytes, r.settings, r.error, r.logical_date
    FROM nearline.run r
    CROSS JOIN LATERAL (
        -- Since the stage began: behind all those that have ended.
        SELECT CASE WHEN r.state = 'running' THEN r.done / nullif(
            extract(epoch FROM coalesce(r.heartbeat_at, now()) - r.started_at)::float8
                - (SELECT coalesce(sum(s.value::float8), 0) FROM jsonb_each_text(r.stage_seconds) s), 0) END AS rate
    ) p;

CREATE OR REPLACE VIEW nearline.status AS
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
        WHERE v.state = 'validated' AND NOT v.is_history AND v.pruned_at IS NULL
            AND v.release > coalesce(p.release, 0)
    ) w ON true;
