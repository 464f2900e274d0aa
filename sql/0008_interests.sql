-- 0008_interests.sql: what a language model answered, so that nothing is asked twice, and what it expects behind the keys of
-- transitions, which lookups show beside the counts; and the build that is served beside the pointer, for a lookup of a key
-- to read one table less.
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
COMMENT ON TABLE nearline.interest_answer IS
    'Answers of language models as they came, by their prompts; a row that is deleted is asked and paid for again.';
COMMENT ON COLUMN nearline.interest_answer.prompt_hash IS 'XXH3-128 of model, temperature and all messages.';

-- What belongs to the transitions of one build and to no other: a refresh within a release leaves them behind unseen, and
-- whoever rolls back has those of the older release again.
CREATE TABLE nearline.interest_set (
    build         int         PRIMARY KEY REFERENCES nearline.transition_build ON DELETE CASCADE,
    model         text        NOT NULL,
    gave_hint     boolean     NOT NULL,
    keys          bigint      NOT NULL,
    judged_keys   bigint      NOT NULL,
    held_out      bigint      NOT NULL,
    valid_share   real        NOT NULL,
    hit_rate      real        NOT NULL,
    hint_hit_rate real        NOT NULL,
    as_hinted     real        NOT NULL,
    stored_at     timestamptz NOT NULL DEFAULT now(),
    role          text        NOT NULL DEFAULT session_user
);
COMMENT ON TABLE nearline.interest_set IS
    'What a language model expects behind the keys of a build of transitions, and how it was judged before it was taken.';
COMMENT ON COLUMN nearline.interest_set.gave_hint IS 'Whether it was told the most frequent successor of each key.';
COMMENT ON COLUMN nearline.interest_set.held_out IS 'Next clusters after the cut that it was judged by.';
COMMENT ON COLUMN nearline.interest_set.hint_hit_rate IS 'What the most frequent successors alone hit of the same.';
COMMENT ON COLUMN nearline.interest_set.as_hinted IS 'Share of the judged keys where it said what it was told.';

CREATE TABLE nearline.interest (
    build   int    NOT NULL REFERENCES nearline.interest_set ON DELETE CASCADE,
    key     bigint NOT NULL,
    cluster int    NOT NULL,
    hint    int,
    PRIMARY KEY (build, key)
);
COMMENT ON TABLE nearline.interest IS
    'The cluster that a language model expects behind a key (nearline.transition_key), beside those that were counted; hint '
    'is the counted one that it was told of.';

ALTER TABLE nearline.current_release ADD COLUMN transition_build int;
COMMENT ON COLUMN nearline.current_release.transition_build IS
    'release.transition_build of the release, kept the same by triggers: what a lookup holds against the names that it has.';
UPDATE nearline.current_release c SET transition_build = r.transition_build
FROM nearline.release r WHERE r.release = c.release;

CREATE FUNCTION nearline.take_transition_build() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.transition_build := (SELECT r.transition_build FROM nearline.release r WHERE r.release = NEW.release);
    RETURN NEW;
END
$$;
CREATE FUNCTION nearline.hand_on_transition_build() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE nearline.current_release SET transition_build = NEW.transition_build WHERE release = NEW.release;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION nearline.take_transition_build(), nearline.hand_on_transition_build() FROM PUBLIC;
CREATE TRIGGER pointer_takes_the_build BEFORE INSERT OR UPDATE OF release ON nearline.current_release
    FOR EACH ROW EXECUTE FUNCTION nearline.take_transition_build();
CREATE TRIGGER pointer_follows_the_build AFTER UPDATE OF transition_build ON nearline.release
    FOR EACH ROW WHEN (OLD.transition_build IS DISTINCT FROM NEW.transition_build)
    EXECUTE FUNCTION nearline.hand_on_transition_build();

DROP FUNCTION nearline.next_clusters();
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
            AND i.build = (SELECT transition_build FROM nearline.current_release WHERE only_row)
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

CREATE FUNCTION nearline.next_clusters()
RETURNS TABLE (rank int, cluster text, probability real, key_used text, support bigint, trend real, source text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT * FROM nearline.next_clusters(VARIADIC '{}')
$$;
COMMENT ON FUNCTION nearline.next_clusters() IS 'The clusters that most often come next for everybody.';

CREATE OR REPLACE FUNCTION nearline.create_transition_functions(item_type text) RETURNS void
LANGUAGE plpgsql AS $create$
BEGIN
    EXECUTE format($ddl$
        ALTER TABLE nearline.release_item ADD COLUMN IF NOT EXISTS cluster int;
        COMMENT ON TABLE nearline.release_item IS
            'The items of a release by row, most popular first: in how many lists each stands (in all, in the first ten), and '
            'its cluster. Behind those of the model stand items that only clusters know.';

        CREATE OR REPLACE FUNCTION nearline.transition_candidates(clusters text[], wanted int DEFAULT 100)
        RETURNS TABLE (rank int, item_id %1$s, score real, cluster text)
        LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            -- A cluster that only a language model expects counts as much as the most probable one.
            SELECT (row_number() OVER best)::int, i.item_id, (n.probability * u.score)::real, n.cluster
            FROM (
                SELECT x.rank, x.cluster, coalesce(x.probability, max(x.probability) OVER ()) AS probability
                FROM nearline.next_clusters(VARIADIC clusters) x
            ) n
            JOIN nearline.release_cluster c ON c.name = n.cluster
                AND c.release = (SELECT release FROM nearline.current_release WHERE only_row)
            CROSS JOIN LATERAL nearline.unpack(c.popular) u
            JOIN nearline.release_item i ON i.item_row = u.item_row
                AND i.release = (SELECT release FROM nearline.current_release WHERE only_row)
            WINDOW best AS (ORDER BY n.probability * u.score DESC, n.rank, u.rank)
            ORDER BY 1 LIMIT wanted
        $body$;
        COMMENT ON FUNCTION nearline.transition_candidates(text[], int) IS
            'Popular items of the clusters that follow these, latest last: probability of the cluster times the share of the '
            'item in it. A cluster that only a language model expects counts as much as the most probable one.';

        CREATE OR REPLACE FUNCTION nearline.clusters_of(items %1$s[]) RETURNS text[]
        LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            SELECT array_agg(c.name ORDER BY w.place) FROM unnest(items) WITH ORDINALITY w (item_id, place)
            JOIN nearline.release_item i ON i.item_id = w.item_id
                AND i.release = (SELECT release FROM nearline.current_release WHERE only_row)
            JOIN nearline.release_cluster c ON c.cluster = i.cluster
                AND c.release = (SELECT release FROM nearline.current_release WHERE only_row)
        $body$;
        COMMENT ON FUNCTION nearline.clusters_of(%1$s[]) IS
            'The clusters of items in their order; items that nobody knows are passed over.';

        CREATE OR REPLACE FUNCTION nearline.transition_candidates_after(items %1$s[], wanted int DEFAULT 100)
        RETURNS TABLE (rank int, item_id %1$s, score real, cluster text)
        LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            SELECT (row_number() OVER (ORDER BY t.rank))::int, t.item_id, t.score, t.cluster
            FROM nearline.transition_candidates(
                coalesce(nearline.clusters_of(items), '{}'),
                least(wanted::bigint + coalesce(cardinality(items), 0), 2147483647)::int) t
            WHERE NOT EXISTS (SELECT FROM unnest(items) seen WHERE seen = t.item_id)
            ORDER BY t.rank LIMIT wanted
        $body$;
        COMMENT ON FUNCTION nearline.transition_candidates_after(%1$s[], int) IS
            'For somebody who is in no table yet: what to show after these items, latest last; without these.';
    $ddl$, item_type);
END
$create$;

CREATE OR REPLACE FUNCTION nearline.grant_reader(reader name) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    readable CONSTANT text[] := ARRAY[
        'current_release', 'release', 'release_cluster', 'release_scene', 'interest', 'interest_set', 'fallback',
        'payload_dictionary', 'candidate', 'overlay', 'transition', 'release_item', 'candidates', 'exposure', 'transitions',
        'releases', 'release_gate', 'transition_build', 'transition_builds', 'transition_churn', 'migration'];
    relation regclass;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA nearline TO %I', reader);
    FOR relation IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'nearline'::regnamespace AND (c.relname = ANY (readable)
            OR c.relname ~ '^(candidate|overlay|transition|release_item)_r[0-9]+$')
            AND c.relkind IN ('r', 'p', 'v')
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %I', relation, reader);
    END LOOP;
END
$$;

-- A database that has lookups already, and readers who were let in.
DO $$
DECLARE
    item_found regtype;
BEGIN
    PERFORM nearline.copy_grants('nearline.fallback', made::regclass)
    FROM unnest(ARRAY['nearline.interest', 'nearline.interest_set']) made;
    SELECT atttypid INTO item_found FROM pg_attribute
    WHERE attrelid = to_regclass('nearline.release_item') AND attname = 'item_id';
    IF item_found IS NOT NULL THEN
        PERFORM nearline.create_transition_functions(format_type(item_found, NULL));
    END IF;
END
$$;
