-- 0013_refresh_order.sql: the queue of a refresh by the transaction that added to it.
--
-- A service that has seen all that a snapshot showed looks from then on for what younger transactions added, and for what
-- those added that were open then. While somebody's transaction stays open, no row that was taken away can be vacuumed, and
-- reading the queue from its beginning would step over all of them, more with every minute.
CREATE INDEX touched_by_xid ON nearline.touched (xid, touch);

-- A queue looks empty to the planner or full, as it was when it was analysed last, and never full of dead rows: so it is told.
CREATE FUNCTION nearline.touched_behind(place pg_snapshot, most int) RETURNS SETOF nearline.touched
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
    (SELECT * FROM nearline.touched WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(place))) ORDER BY xid, touch LIMIT most)
    UNION ALL
    (SELECT * FROM nearline.touched WHERE xid >= pg_snapshot_xmax(place) ORDER BY xid, touch LIMIT most)
    LIMIT most
$$;
COMMENT ON FUNCTION nearline.touched_behind(pg_snapshot, int) IS
    'Rows of the queue that the snapshot did not show yet, the oldest first.';
