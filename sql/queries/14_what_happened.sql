-- 14_what_happened.sql: what did Nearline do in the last days, in order?
--
-- Asked by on-call, after "it was fine on Friday": runs and how they ended, releases and who moved them why, gates and
-- what they found. For the owner of the schema: the ledger and the book of states are not for readers.
-- Costs milliseconds.
--
--     psql -f sql/queries/14_what_happened.sql -v days=7
\if :{?days}
\else
    \set days 7
\endif

SELECT h.at, h.what, h.release, h.outcome, h.detail
FROM (
    SELECT started_at AS at, 'run ' || command AS what, release, state AS outcome,
        coalesce(error, date_trunc('second', coalesce(ended_at, now()) - started_at)::text) AS detail
    FROM nearline.run
    UNION ALL
    SELECT at, 'release', release, becomes, concat_ws(', ', 'by ' || role, nullif(application, ''), reason)
    FROM nearline.release_event
    UNION ALL
    SELECT checked_at, 'gate ' || gate, release, CASE WHEN passed THEN 'passed' ELSE 'failed' END,
        figure || ', bound ' || bound
    FROM nearline.release_gate
) h
WHERE h.at > now() - make_interval(days => :days)
ORDER BY h.at, h.release, h.what;
