-- 0007_interests.sql: what a language model answered, so that nothing is asked twice.
CREATE TABLE nearline.interest_answer (
    prompt_hash       text        PRIMARY KEY,
    model             text        NOT NULL,
    answer            text        NOT NULL,
    prompt_tokens     int         NOT NULL,
    completion_tokens int         NOT NULL,
    asked_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT prompt_hash_is_an_xxh3 CHECK (prompt_hash ~ '^[0-9a-f]{32}$'),
    CONSTRAINT tokens_are_not_negative CHECK (prompt_tokens >= 0 AND completion_tokens >= 0)
);
CREATE INDEX interest_answer_by_age ON nearline.interest_answer (asked_at);
COMMENT ON TABLE nearline.interest_answer IS
    'Answers of language models as they came, by their prompts; a row that is deleted is asked and paid for again.';
COMMENT ON COLUMN nearline.interest_answer.prompt_hash IS 'XXH3-128 of model, temperature and all messages.';

CREATE TABLE nearline.interest (
    release  int         NOT NULL REFERENCES nearline.release ON DELETE CASCADE,
    key      bigint      NOT NULL,
    cluster  int         NOT NULL,
    hint     int,
    model    text        NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (release, key)
);
COMMENT ON TABLE nearline.interest IS
    'The cluster that a language model expects behind a key, beside those that were counted; hint is the counted one that it '
    'was told of.';

DROP FUNCTION nearline.next_clusters(text[]);
DROP FUNCTION nearline.next_clusters_in(text, text[]);
CREATE FUNCTION nearline.next_clusters_in(scene text, VARIADIC clusters text[])
RETURNS TABLE (rank int, cluster text, probability real, key_used text, support bigint, trend real, source text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH known AS (
        -- What nobody knows is passed over, as counting passes over items without a cluster; so are repeats in a row.
        SELECT array_agg(k.cluster ORDER BY k.place) AS row FROM (
            SELECT c.cluster, w.place, lag(c.cluster) OVER (ORDER BY w.place) AS before
            FROM unnest(clusters) WITH ORDINALITY w (name, place)
            JOIN nearline.release_cluster c ON c.name = w.name
                AND c.release = (SELECT release FROM nearline.current_release WHERE only_row)
        ) k WHERE k.before IS DISTINCT FROM k.cluster
    ), scenes (number, try) AS (
        SELECT s.scene, 0 FROM nearline.release_scene s
        WHERE s.name = next_clusters_in.scene
            AND s.release = (SELECT release FROM nearline.current_release WHERE only_row)
        UNION ALL SELECT 0, 1
    ), tries (try, key, used) AS (
        -- The longest key that is there: three clusters, the last two, the latest, none; of the scene before that of all.
        SELECT 2 * l.dropped + s.try,
            nearline.transition_key_of(known.row[array_length(known.row, 1) - 2 + l.dropped:], s.number), l.used
        FROM known, scenes s, (VALUES (0, 'triple'), (1, 'pair'), (2, 'latest')) l (dropped, used)
        WHERE array_length(known.row, 1) >= 3 - l.dropped
        UNION ALL SELECT 6 + s.try, nearline.transition_key_of(NULL, s.number), 'everybody' FROM scenes s
    ), found AS (
        -- One probe for each try, whatever the planner thinks that there are of them.
        SELECT k.payload, k.detail, tries.used, tries.key FROM tries CROSS JOIN LATERAL (
            SELECT t.payload, t.detail FROM nearline.transition t WHERE t.key = tries.key
                AND t.release = (SELECT release FROM nearline.current_release WHERE only_row) LIMIT 1
        ) k
        ORDER BY tries.try LIMIT 1
    ), counted AS (
        SELECT u.rank, u.item_row AS cluster, u.score, d.support, d.trend
        FROM found f CROSS JOIN LATERAL nearline.unpack(f.payload) u
        LEFT JOIN LATERAL nearline.transition_detail(f.detail) d ON d.rank = u.rank
    ), expected AS (
        SELECT i.cluster FROM found f JOIN nearline.interest i ON i.key = f.key
            AND i.release = (SELECT release FROM nearline.current_release WHERE only_row)
    )
    SELECT (row_number() OVER (ORDER BY c.rank NULLS LAST))::int, n.name, c.score, (SELECT f.used FROM found f),
        c.support, c.trend,
        CASE WHEN e.cluster IS NULL THEN 'counts' WHEN c.cluster IS NULL THEN 'interest' ELSE 'counts, interest' END
    FROM counted c FULL JOIN expected e ON e.cluster = c.cluster
    JOIN nearline.release_cluster n ON n.cluster = coalesce(c.cluster, e.cluster)
        AND n.release = (SELECT release FROM nearline.current_release WHERE only_row)
    ORDER BY 1
$$;
COMMENT ON FUNCTION nearline.next_clusters_in(text, text[]) IS
    'nearline.next_clusters for one scene; where that has no such key, for all scenes together.';

CREATE FUNCTION nearline.next_clusters(VARIADIC clusters text[])
RETURNS TABLE (rank int, cluster text, probability real, key_used text, support bigint, trend real, source text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT * FROM nearline.next_clusters_in(NULL, VARIADIC clusters)
$$;
COMMENT ON FUNCTION nearline.next_clusters(text[]) IS
    'The clusters that most often follow these, latest last: of the longest key that is there (triple, pair, latest, '
    'everybody), clusters that nobody knows passed over. The source says who expects it: counts, interest (a language model).';

SELECT nearline.copy_grants('nearline.fallback', 'nearline.interest');
