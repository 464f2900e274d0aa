-- 0006_transition_builds.sql: transitions that are made anew within a release, several times a day if need be: what each
-- build saw, how much it changed, support and trend of successors, items of clusters, and lookups that end in items.
CREATE TABLE nearline.codebook (
    codebook   text        PRIMARY KEY,
    bytes      bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE nearline.codebook ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE nearline.codebook IS
    'Centroids that semantic clusters are found by, and which code is which cluster; the key is a hash of the bytes.';

CREATE TABLE nearline.transition_build (
    build          int         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    release        int         NOT NULL REFERENCES nearline.release ON DELETE CASCADE,
    as_of          timestamptz NOT NULL,
    cluster_source text        NOT NULL,
    codebook       text        REFERENCES nearline.codebook,
    input_hash     text        NOT NULL,
    settings       jsonb       NOT NULL,
    clusters       int         NOT NULL,
    keys           bigint      NOT NULL,
    transitions    bigint      NOT NULL,
    payload_bytes  bigint      NOT NULL,
    figures        jsonb       NOT NULL DEFAULT '{}',
    refresh_hours  real,
    reason         text,
    built_at       timestamptz NOT NULL DEFAULT now(),
    role           text        NOT NULL DEFAULT session_user,
    CONSTRAINT cluster_source_is_known CHECK (cluster_source IN ('category', 'seller', 'semantic'))
);
CREATE INDEX transition_build_by_release ON nearline.transition_build (release);
COMMENT ON TABLE nearline.transition_build IS
    'Every build of transitions: with a release, or later for one that is served. release.transition_build is the one '
    'whose rows are there; a build replaces the one before in one transaction.';
COMMENT ON COLUMN nearline.transition_build.transitions IS 'Occurrences of a next cluster that were counted.';
COMMENT ON COLUMN nearline.transition_build.figures IS 'Of clusters (largest share, items that moved...) and of events.';
COMMENT ON COLUMN nearline.transition_build.refresh_hours IS
    'After how long a refresh is worth its while, from how fast successors changed; NULL where nothing could be measured.';
COMMENT ON COLUMN nearline.transition_build.reason IS 'Why it was published although a gate failed.';

CREATE TABLE nearline.transition_churn (
    build   int    NOT NULL REFERENCES nearline.transition_build ON DELETE CASCADE,
    against text   NOT NULL,
    support text   NOT NULL,
    keys    bigint NOT NULL,
    iou     real   NOT NULL,
    PRIMARY KEY (build, against, support)
);
COMMENT ON TABLE nearline.transition_churn IS
    'How much the five most probable successors of a key have in common with those of the build before, or with those of '
    'some days earlier: intersection over union, the mean over keys, by how often a key was seen.';

ALTER TABLE nearline.release ADD COLUMN transition_build int REFERENCES nearline.transition_build ON DELETE SET NULL;
COMMENT ON COLUMN nearline.release.transition_build IS
    'The build whose transitions are there; NULL in releases from before builds were recorded.';

ALTER TABLE nearline.transition
    ADD COLUMN support bigint NOT NULL DEFAULT 0,
    ADD COLUMN detail  bytea;
ALTER TABLE nearline.transition ALTER COLUMN detail SET STORAGE EXTERNAL;
COMMENT ON TABLE nearline.transition IS
    'For the last clusters of a user (nearline.transition_key), the clusters that most often come next.';
COMMENT ON COLUMN nearline.transition.support IS 'How often the key was seen with anything behind it.';
COMMENT ON COLUMN nearline.transition.detail IS
    'Support and trend of each successor, in the order of the payload: nearline.transition_detail shows them.';

ALTER TABLE nearline.release_cluster
    ADD COLUMN events  bigint NOT NULL DEFAULT 0,
    ADD COLUMN popular bytea;
ALTER TABLE nearline.release_cluster ALTER COLUMN popular SET STORAGE EXTERNAL;
COMMENT ON TABLE nearline.release_cluster IS
    'The clusters of a release by name: a category, a seller, or a group found by the model.';
COMMENT ON COLUMN nearline.release_cluster.events IS 'Events with one of its items that were looked at.';
COMMENT ON COLUMN nearline.release_cluster.popular IS
    'Its most popular items as a payload; rows are those of release_item, scores their share in the cluster''s events.';

-- Lanes of 16 bits, from the lowest: latest, scene, older, oldest; each is the number of a cluster and 1, or 0 for none.
CREATE FUNCTION nearline.transition_key_of(clusters int[], scene int DEFAULT 0) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ((coalesce(clusters[n - 2], -1) + 1)::bigint << 48) | ((coalesce(clusters[n - 1], -1) + 1)::bigint << 32)
        | (scene::bigint << 16) | (coalesce(clusters[n], -1) + 1)::bigint
    FROM coalesce(array_length(clusters, 1), 0) n
$$;
COMMENT ON FUNCTION nearline.transition_key_of(int[], int) IS
    'The key of the last clusters of a user, latest last, three at most; of none it is everybody''s.';

CREATE OR REPLACE FUNCTION nearline.transition_older(key bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif(((key >> 32) & 65535)::int - 1, -1)
$$;
CREATE OR REPLACE FUNCTION nearline.transition_latest(key bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif((key & 65535)::int - 1, -1)
$$;
CREATE FUNCTION nearline.transition_oldest(key bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif(((key >> 48) & 65535)::int - 1, -1)
$$;
CREATE FUNCTION nearline.transition_scene(key bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ((key >> 16) & 65535)::int
$$;
COMMENT ON FUNCTION nearline.transition_oldest(bigint) IS 'The cluster before the older one of a key; NULL where it has none.';
COMMENT ON FUNCTION nearline.transition_scene(bigint) IS
    'The scene of a key, a number of release_scene; 0 in keys of all scenes together.';

CREATE TABLE nearline.release_scene (
    release int  NOT NULL REFERENCES nearline.release ON DELETE CASCADE,
    scene   int  NOT NULL CHECK (scene BETWEEN 1 AND 65535),
    name    text NOT NULL,
    PRIMARY KEY (release, scene),
    CONSTRAINT scene_names_of_a_release_differ UNIQUE (release, name)
);
COMMENT ON TABLE nearline.release_scene IS 'The scenes that a release has transitions of their own for.';

CREATE FUNCTION nearline.transition_detail(detail bytea)
RETURNS TABLE (rank int, support bigint, trend real)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE ROWS 20 AS $$
DECLARE
    position int := 0;
    shift    int;
    byte     int;
    step     int;
BEGIN
    rank := 0;
    WHILE position < length(detail) LOOP
        -- The support, seven bits a byte, lowest first, the top bit saying that more follow.
        support := 0;
        shift := 0;
        LOOP
            IF position >= length(detail) OR shift > 56 THEN
                RAISE EXCEPTION 'the detail of a transition breaks off at byte % of %', position, length(detail)
                    USING ERRCODE = 'data_corrupted',
                        HINT = 'The bytes were damaged: run nearline transitions --again, or roll back.';
            END IF;
            byte := get_byte(detail, position);
            position := position + 1;
            support := support | ((byte & 127)::bigint << shift);
            shift := shift + 7;
            EXIT WHEN byte < 128;
        END LOOP;
        -- The trend in 1/32767, two bytes, lowest first, two's complement.
        IF position + 2 > length(detail) THEN
            RAISE EXCEPTION 'the detail of a transition breaks off at byte % of %', position, length(detail)
                USING ERRCODE = 'data_corrupted',
                    HINT = 'The bytes were damaged: run nearline transitions --again, or roll back.';
        END IF;
        step := get_byte(detail, position) | (get_byte(detail, position + 1) << 8);
        position := position + 2;
        trend := (CASE WHEN step > 32767 THEN step - 65536 ELSE step END / 32767.0)::real;
        rank := rank + 1;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION nearline.transition_detail(bytea) IS
    'Of each successor of a key how often it came next, and by how much its share rose against the window before.';

DROP FUNCTION nearline.next_clusters(text);
DROP FUNCTION nearline.next_clusters(text, text);
CREATE FUNCTION nearline.next_clusters_in(scene text, VARIADIC clusters text[])
RETURNS TABLE (rank int, cluster text, probability real, key_used text, support bigint, trend real)
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
        SELECT k.payload, k.detail, tries.used FROM tries CROSS JOIN LATERAL (
            SELECT t.payload, t.detail FROM nearline.transition t WHERE t.key = tries.key
                AND t.release = (SELECT release FROM nearline.current_release WHERE only_row) LIMIT 1
        ) k
        ORDER BY tries.try LIMIT 1
    )
    SELECT u.rank, n.name, u.score, f.used, d.support, d.trend
    FROM found f CROSS JOIN LATERAL nearline.unpack(f.payload) u
    JOIN nearline.release_cluster n ON n.cluster = u.item_row
        AND n.release = (SELECT release FROM nearline.current_release WHERE only_row)
    LEFT JOIN LATERAL nearline.transition_detail(f.detail) d ON d.rank = u.rank
    ORDER BY u.rank
$$;
COMMENT ON FUNCTION nearline.next_clusters_in(text, text[]) IS
    'nearline.next_clusters for one scene; where that has no such key, for all scenes together.';

CREATE FUNCTION nearline.next_clusters(VARIADIC clusters text[])
RETURNS TABLE (rank int, cluster text, probability real, key_used text, support bigint, trend real)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT * FROM nearline.next_clusters_in(NULL, VARIADIC clusters)
$$;
COMMENT ON FUNCTION nearline.next_clusters(text[]) IS
    'The clusters that most often follow these, latest last: of the longest key that is there (triple, pair, latest, '
    'everybody), clusters that nobody knows passed over.';

CREATE OR REPLACE VIEW nearline.transitions AS
    SELECT a.name AS older, b.name AS latest, u.rank, n.name AS cluster, u.score AS probability,
        d.support, d.trend, z.name AS oldest, s.name AS scene, t.support AS key_support
    FROM nearline.transition t
    LEFT JOIN nearline.release_cluster z ON z.cluster = nearline.transition_oldest(t.key) AND z.release = t.release
    LEFT JOIN nearline.release_cluster a ON a.cluster = nearline.transition_older(t.key) AND a.release = t.release
    LEFT JOIN nearline.release_cluster b ON b.cluster = nearline.transition_latest(t.key) AND b.release = t.release
    LEFT JOIN nearline.release_scene s ON s.scene = nearline.transition_scene(t.key) AND s.release = t.release
    CROSS JOIN LATERAL nearline.unpack(t.payload) u
    JOIN nearline.release_cluster n ON n.cluster = u.item_row AND n.release = t.release
    LEFT JOIN LATERAL nearline.transition_detail(t.detail) d ON d.rank = u.rank
    WHERE t.release = (SELECT release FROM nearline.current_release WHERE only_row);
COMMENT ON VIEW nearline.transitions IS
    'Every transition of the current release by name; older is NULL in keys of one cluster, both are in everybody''s.';

CREATE VIEW nearline.transition_builds AS
    SELECT b.build, b.release, b.build = r.transition_build AS is_there, r.state = 'current' AS is_current_release,
        now() - b.as_of AS age, b.as_of, b.built_at, b.cluster_source, b.clusters, b.keys, b.transitions,
        b.payload_bytes, c.iou AS iou_before, b.refresh_hours, b.role, b.reason
    FROM nearline.transition_build b
    JOIN nearline.release r USING (release)
    LEFT JOIN nearline.transition_churn c ON c.build = b.build AND c.against = 'build before' AND c.support = 'all';
COMMENT ON VIEW nearline.transition_builds IS
    'Builds of transitions: age of their events, size, and what their successors share with the build before.';

-- The lookups that end in items, whose keys are the source's own.
CREATE FUNCTION nearline.create_transition_functions(item_type text) RETURNS void
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
            SELECT (row_number() OVER best)::int, i.item_id, (n.probability * u.score)::real, n.cluster
            FROM nearline.next_clusters(VARIADIC clusters) n
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
            'item in it.';

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
                coalesce(nearline.clusters_of(items), '{}'), wanted + coalesce(array_length(items, 1), 0)) t
            WHERE t.item_id <> ALL (items)
            ORDER BY t.rank LIMIT wanted
        $body$;
        COMMENT ON FUNCTION nearline.transition_candidates_after(%1$s[], int) IS
            'For somebody who is in no table yet: what to show after these items, latest last; without these.';
    $ddl$, item_type);
END
$create$;
REVOKE EXECUTE ON FUNCTION nearline.create_transition_functions(text) FROM PUBLIC;

ALTER FUNCTION nearline.create_result_tables(regtype, regtype) RENAME TO create_list_tables;
CREATE FUNCTION nearline.create_result_tables(user_type regtype, item_type regtype) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nearline.create_list_tables(user_type, item_type);
    IF to_regprocedure(format('nearline.clusters_of(%s[])', item_type)) IS NULL THEN
        PERFORM nearline.create_transition_functions(format_type(item_type, NULL));
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.create_result_tables(regtype, regtype) IS
    'Makes the result tables, lookups and views for these key types; does nothing where they are there already.';
COMMENT ON FUNCTION nearline.create_list_tables(regtype, regtype) IS 'The part of create_result_tables that lists need.';
REVOKE EXECUTE ON FUNCTION nearline.create_result_tables(regtype, regtype) FROM PUBLIC;

CREATE OR REPLACE FUNCTION nearline.grant_reader(reader name) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    readable CONSTANT text[] := ARRAY[
        'current_release', 'release', 'release_cluster', 'release_scene', 'fallback', 'payload_dictionary', 'candidate',
        'overlay', 'transition', 'release_item', 'candidates', 'exposure', 'transitions', 'releases',
        'release_gate', 'transition_build', 'transition_builds', 'transition_churn', 'migration'];
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

-- A database that has releases already, and readers who were let in: releases from before keep their transitions, and know
-- no items of clusters until they are made anew.
DO $$
DECLARE
    item_found regtype;
BEGIN
    PERFORM nearline.copy_grants('nearline.fallback', made::regclass) FROM unnest(ARRAY[
        'nearline.transition_build', 'nearline.transition_builds', 'nearline.transition_churn',
        'nearline.release_scene']) made;
    SELECT atttypid INTO item_found FROM pg_attribute
    WHERE attrelid = to_regclass('nearline.release_item') AND attname = 'item_id';
    IF item_found IS NULL THEN
        RETURN;
    END IF;
    PERFORM nearline.create_transition_functions(format_type(item_found, NULL));
END
$$;
