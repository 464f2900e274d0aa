-- 0012_refresh.sql: users whose events or exclusions changed, for their lists to be made anew between two nights.
--
-- A row for each statement and user, added by the writer's own transaction and never changed. What a transaction adds is
-- seen when it commits, however long it was open, and until then nobody waits for it: better than a mark that trails the
-- oldest open transaction, behind which everybody would wait.
CREATE TABLE nearline.touched (
    touch   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id text        NOT NULL,
    xid     xid8        NOT NULL DEFAULT pg_current_xact_id(),
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (
    -- Every row is deleted soon. Pages are used again; giving them back would lock the writers out.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000, vacuum_truncate = false);
COMMENT ON TABLE nearline.touched IS
    'Users whose lists are to be made anew, the oldest first; filled by the triggers of nearline refresh --install.';

CREATE TABLE nearline.deferred_user (
    user_id text        PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE nearline.deferred_user IS
    'Users who found the overlay full: they wait for the next release, or for room.';

CREATE TABLE nearline.watermark (
    name        text PRIMARY KEY,
    xid         xid8 NOT NULL DEFAULT '0',
    at          timestamptz,
    run         bigint REFERENCES nearline.run ON DELETE SET NULL,
    release     int REFERENCES nearline.release,
    waits_until timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE nearline.watermark IS 'How far the near-line path is.';
COMMENT ON COLUMN nearline.watermark.xid IS
    'Whatever transactions below this one did to users is taken in; moves when nothing that can be seen is left to do.';
COMMENT ON COLUMN nearline.watermark.at IS 'Up to when events were read last.';
COMMENT ON COLUMN nearline.watermark.waits_until IS
    'While a service sleeps and wants to be woken. An instant and not a flag: that of a killed service runs out.';
INSERT INTO nearline.watermark (name) VALUES ('refresh');

-- Whoever writes events needs no right here. It must not fail, since an event is worth more than a fresh list.
CREATE FUNCTION nearline.touch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    added bigint;
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = TG_RELID AND attname = TG_ARGV[0] AND attnum > 0 AND NOT attisdropped)
    THEN
        RAISE WARNING 'table % has no column % any more: its users are not refreshed', TG_RELID::regclass, TG_ARGV[0]
            USING HINT = 'Run nearline refresh --uninstall, then --install.';
        RETURN NULL;
    END IF;
    EXECUTE format(
        CASE TG_OP
            WHEN 'INSERT' THEN 'INSERT INTO nearline.touched (user_id) SELECT DISTINCT n.%1$I::text FROM new_rows n'
            WHEN 'DELETE' THEN 'INSERT INTO nearline.touched (user_id) SELECT DISTINCT n.%1$I::text FROM old_rows n'
            ELSE 'INSERT INTO nearline.touched (user_id) SELECT n.%1$I FROM (
                SELECT %1$I::text FROM old_rows UNION SELECT %1$I::text FROM new_rows) n'
        END || ' WHERE n.%1$I IS NOT NULL
            AND NOT EXISTS (SELECT FROM nearline.forgotten f WHERE f.user_id = n.%1$I::text)', TG_ARGV[0]);
    GET DIAGNOSTICS added = ROW_COUNT;
    -- NOTIFY locks all other notifying commits out, so it is for who wakes a sleeper only; and a transaction that used it
    -- cannot be prepared.
    IF added > 0 AND current_setting('max_prepared_transactions') = '0' AND EXISTS (
        SELECT FROM nearline.watermark w WHERE w.name = 'refresh' AND w.waits_until > clock_timestamp())
    THEN
        PERFORM pg_notify('nearline_touched', '');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION nearline.touch() IS
    'Trigger for statements: queues the users of the rows that changed. Its argument is the column that has their key.';
REVOKE EXECUTE ON FUNCTION nearline.touch() FROM PUBLIC;

CREATE VIEW nearline.refresh_status AS
    SELECT EXISTS (
            SELECT FROM pg_trigger t WHERE t.tgfoid = 'nearline.touch()'::regprocedure AND t.tgenabled <> 'D'
        ) AS is_fed, q.users_waiting, q.oldest_waiting_at, now() - q.oldest_waiting_at AS oldest_waiting,
        (SELECT count(*) FROM nearline.deferred_user) AS users_deferred, w.at AS refreshed_at, now() - w.at AS refreshed,
        w.run, w.release, w.xid
    FROM nearline.watermark w
    CROSS JOIN (
        SELECT count(DISTINCT user_id) AS users_waiting, min(at) AS oldest_waiting_at FROM nearline.touched
    ) q
    WHERE w.name = 'refresh';
COMMENT ON VIEW nearline.refresh_status IS
    'The near-line path: whether anything feeds it, who waits and since when, who found the overlay full, the last refresh.';
