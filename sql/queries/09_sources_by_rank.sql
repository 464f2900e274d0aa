-- 09_sources_by_rank.sql: where do the candidates come from, in the first places and further down?
--
-- Asked by data scientists: how much the model says, and how much is repeats, transitions and plain popularity. Lists
-- that end in the popular source were too short; a first row full of it says that everybody gets the same.
-- Unpacks the lists of a share of the users, about 10,000 of them when nothing is said, all with -v share=1.
-- Costs 0.1 to 0.2 ms a list: 2 s for 10,000, one to two minutes for 1M on two cores.
--
--     psql -f sql/queries/09_sources_by_rank.sql -v share=0.01
\if :{?share}
\else
    SELECT least(1, 10000.0 / greatest(users, 1)) AS share FROM nearline.current_release JOIN nearline.release
        USING (release) \gset
\endif

SELECT (ARRAY['1-10', '11-20', '21-50', '51-100', '101 and on'])[width_bucket(rank, ARRAY[1, 11, 21, 51, 101])]
        AS ranks,
    count(*) AS places, round(100.0 * count(*) FILTER (WHERE source = 'model') / count(*), 2) AS percent_model,
    round(100.0 * count(*) FILTER (WHERE source = 'repeat') / count(*), 2) AS percent_repeat,
    round(100.0 * count(*) FILTER (WHERE source = 'transition') / count(*), 2) AS percent_transition,
    round(100.0 * count(*) FILTER (WHERE source = 'popular') / count(*), 2) AS percent_popular,
    round(avg(score)::numeric, 4) AS mean_score
FROM nearline.candidates
WHERE nearline.in_sample(user_id::text, :share)
GROUP BY ranks
ORDER BY min(rank);
