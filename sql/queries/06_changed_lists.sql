-- 06_changed_lists.sql: whose lists changed most since the release before, and how much did they change on average?
--
-- Asked by data scientists in the morning after a new model. A mean near 0 says that the refresh changed nothing, one
-- near 100 that users meet a stranger; both are worth an explanation.
-- nearline.release_diff unpacks each user's list in both releases and counts the items that both hold. It looks at a
-- share of the users, the same ones in both: about 10,000 of them when nothing is said, all with -v share=1. Lists as
-- they were published; what came near-line since is not in it.
-- Costs up to 1 ms a user: 6 s for 10,000 of them, a quarter of an hour for 1M.
--
--     psql -f sql/queries/06_changed_lists.sql -v a=16 -v b=17 -v share=0.01 -v count=20
\if :{?count}
\else
    \set count 20
\endif
\if :{?b}
\else
    SELECT release AS b FROM nearline.current_release WHERE only_row \gset
\endif
\if :{?a}
\else
    -- The last one that was served; where there is no other, the same.
    SELECT coalesce((
        SELECT release FROM nearline.releases WHERE state IN ('superseded', 'rolled_back') AND release <> :b
        ORDER BY published_at DESC LIMIT 1), :b) AS a \gset
\endif
\if :{?share}
\else
    SELECT least(1, 10000.0 / greatest(users, 1)) AS share FROM nearline.release WHERE release = :b \gset
\endif

SELECT user_id, in_a, in_b, shared, round(100.0 * (in_b - shared) / in_b, 1) AS percent_new,
    round(avg(100.0 * (in_b - shared) / in_b) OVER (), 1) AS mean_percent_new, count(*) OVER () AS users
FROM nearline.release_diff(:a, :b, :share)
WHERE in_a > 0 AND in_b > 0
ORDER BY percent_new DESC, user_id LIMIT :count;
