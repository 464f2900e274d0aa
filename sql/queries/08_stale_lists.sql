-- 08_stale_lists.sql: whose list does not know what they did since it was made?
--
-- Asked by on-call ("does the near-line refresh keep up?") and to decide how often it has to run.
-- Reads the events after the as-of instant of each user's list: that of the release, or of the near-line list where
-- there is one. Users without any list are among them, with the fallback as origin. No list is unpacked.
-- Costs a scan of the newer events, for which an index on occurred_at is good, and a join by key:
-- 3 s for 4M newer events.
--
--     psql -f sql/queries/08_stale_lists.sql -v events=shop.events -v count=20
\if :{?events}
\else
    \set events shop.events
\endif
\if :{?count}
\else
    \set count 100
\endif

WITH now_served AS (
    SELECT r.as_of FROM nearline.current_release p JOIN nearline.release r USING (release)
), newer AS (
    SELECT e.user_id, coalesce(o.as_of, (SELECT as_of FROM now_served)) AS as_of, o.user_id IS NOT NULL AS is_overlay,
        count(*) AS newer_events, max(e.occurred_at) AS newest_at
    FROM :events e
    LEFT JOIN nearline.overlay o ON o.user_id = e.user_id
        AND o.release = (SELECT release FROM nearline.current_release WHERE only_row)
    -- The first says nothing that the second does not, but an index on occurred_at serves it.
    WHERE e.occurred_at > (SELECT as_of FROM now_served)
        AND e.occurred_at > coalesce(o.as_of, (SELECT as_of FROM now_served))
    GROUP BY 1, 2, 3
)
SELECT n.user_id, n.newer_events, n.newest_at, n.as_of, n.newest_at - n.as_of AS behind,
    CASE WHEN n.is_overlay THEN 'overlay' WHEN c.user_id IS NOT NULL THEN 'own' ELSE 'fallback' END AS origin,
    count(*) OVER () AS users
FROM newer n
LEFT JOIN nearline.candidate c ON c.user_id = n.user_id
    AND c.release = (SELECT release FROM nearline.current_release WHERE only_row)
ORDER BY n.newer_events DESC, n.user_id LIMIT :count;
