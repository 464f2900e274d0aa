-- 10_what_follows.sql: after these one or two categories, where do people go next?
--
-- Asked by merchandisers ("what belongs beside towels?") and by services that have no user, only a visit.
-- nearline.next_clusters answers for the ordered pair, else for the latest cluster alone, else for everybody: see
-- `key_used`. `lift` is how many times as often as after anything at all: people go to the large categories anyway.
-- Costs two index probes and two unpacked lists: a few milliseconds.
--
--     psql -f sql/queries/10_what_follows.sql -v latest=towels -v older=bathrobes -v count=10
\if :{?older}
\else
    \set older ''
\endif
\if :{?count}
\else
    \set count 20
\endif
\if :{?latest}
\else
    SELECT name AS latest FROM nearline.release_cluster
    WHERE release = (SELECT release FROM nearline.current_release WHERE only_row)
    ORDER BY items DESC, name LIMIT 1 \gset
\endif

SELECT n.rank, n.cluster, n.probability, round((n.probability / nullif(e.probability, 0))::numeric, 2) AS lift,
    n.key_used
FROM nearline.next_clusters(nullif(:'older', ''), :'latest') n
LEFT JOIN nearline.next_clusters(NULL, NULL) e USING (cluster)
ORDER BY n.rank LIMIT :count;
