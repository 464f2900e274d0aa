-- 07_coverage.sql: of the users who are active, how many have a list of their own?
--
-- Asked by product owners ("how many people get only the popular list?"), and before the near-line refresh is switched
-- on. Reads the users with events in the last days before the as-of instant of the current release, or after it, by
-- when they were last seen; and for each, whether nearline.lookup would answer from the overlay, from last night's
-- lists, or with the fallback. Only keys are compared, no list is unpacked.
-- Costs a scan of the events of these days and of the table of lists: 4 s for 15M events and 1M lists.
--
--     psql -f sql/queries/07_coverage.sql -v days=30 -v events=shop.events
\if :{?events}
\else
    \set events shop.events
\endif
\if :{?days}
\else
    \set days 30
\endif

WITH now_served AS (
    SELECT r.as_of FROM nearline.current_release p JOIN nearline.release r USING (release)
), active AS (
    SELECT user_id, max(occurred_at) - (SELECT as_of FROM now_served) AS after_as_of FROM :events
    WHERE occurred_at > (SELECT as_of FROM now_served) - make_interval(days => :days)
    GROUP BY user_id
), sorted AS (
    SELECT user_id, CASE WHEN after_as_of > '0' THEN 1 WHEN after_as_of > '-7 days' THEN 2 ELSE 3 END AS segment
    FROM active
)
SELECT (ARRAY['after the as-of instant', '7 days before', format('%s days before', :days)])[s.segment] AS last_seen,
    count(*) AS users, count(o.user_id) AS overlay, count(c.user_id) FILTER (WHERE o.user_id IS NULL) AS own,
    count(*) FILTER (WHERE o.user_id IS NULL AND c.user_id IS NULL) AS fallback,
    round(100.0 * count(coalesce(o.user_id, c.user_id)) / count(*), 2) AS percent_with_list
FROM sorted s
LEFT JOIN nearline.overlay o ON o.user_id = s.user_id
    AND o.release = (SELECT release FROM nearline.current_release WHERE only_row)
LEFT JOIN nearline.candidate c ON c.user_id = s.user_id
    AND c.release = (SELECT release FROM nearline.current_release WHERE only_row)
GROUP BY s.segment
ORDER BY s.segment;
