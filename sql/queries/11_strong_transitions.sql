-- 11_strong_transitions.sql: which category leads where most surely, and which are dead ends?
--
-- Asked by data scientists and category managers. One row for each cluster: the most frequent next one, its
-- probability, and the most frequent that is another than itself. At the end, without a next one, stand the dead ends:
-- too little came behind them to say anything, so everybody's answer is given there.
-- Costs the unpacking of every transition of the current release: 30 ms for 3,600 keys.
--
--     psql -f sql/queries/11_strong_transitions.sql

WITH single AS (
    SELECT latest, rank, cluster, probability,
        min(rank) FILTER (WHERE cluster <> latest) OVER (PARTITION BY latest) AS away
    FROM nearline.transitions WHERE older IS NULL AND latest IS NOT NULL
)
SELECT c.name AS cluster, c.items, f.cluster AS next, f.probability, a.cluster AS next_other,
    a.probability AS probability_other
FROM nearline.release_cluster c
LEFT JOIN single f ON f.latest = c.name AND f.rank = 1
LEFT JOIN single a ON a.latest = c.name AND a.rank = a.away
WHERE c.release = (SELECT release FROM nearline.current_release WHERE only_row)
ORDER BY f.probability DESC NULLS LAST, c.name;
