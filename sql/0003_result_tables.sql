-- 0003_result_tables.sql: what services and analysts read. Keys have the source's own types, which are known only when
-- the first release is built: create_result_tables() makes the typed tables and functions then.
CREATE TABLE nearline.transition (
    key     bigint NOT NULL,
    release int    NOT NULL,
    payload bytea  NOT NULL
) PARTITION BY LIST (release);
ALTER TABLE nearline.transition ALTER COLUMN payload SET STORAGE EXTERNAL;
COMMENT ON TABLE nearline.transition IS
    'For the last one or two clusters of a user (nearline.transition_key), the clusters that most often come next.';

CREATE TABLE nearline.release_cluster (
    release int    NOT NULL REFERENCES nearline.release ON DELETE CASCADE,
    cluster int    NOT NULL,
    name    text   NOT NULL,
    items   bigint NOT NULL,
    PRIMARY KEY (release, cluster),
    CONSTRAINT cluster_names_of_a_release_differ UNIQUE (release, name)
);
COMMENT ON TABLE nearline.release_cluster IS 'The clusters of a release by name: a category, or a group found by the model.';

CREATE TABLE nearline.fallback (
    release int   NOT NULL REFERENCES nearline.release ON DELETE CASCADE PRIMARY KEY,
    payload bytea NOT NULL
);
COMMENT ON TABLE nearline.fallback IS 'The list of a release for users who have none of their own.';

CREATE FUNCTION nearline.transition_key(older int, latest int) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ((coalesce(older, -1) + 1)::bigint << 32) | (coalesce(latest, -1) + 1)::bigint
$$;
COMMENT ON FUNCTION nearline.transition_key(int, int) IS
    'The key of an ordered pair of clusters; NULL stands for "none", so (NULL, NULL) is everybody''s.';

CREATE FUNCTION nearline.next_clusters(older text, latest text)
RETURNS TABLE (rank int, cluster text, probability real, key_used text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH named AS (
        SELECT cluster, name FROM nearline.release_cluster
        WHERE release = (SELECT release FROM nearline.current_release WHERE only_row)
    ), tries (try, key, used) AS (
        -- The pair, else the latest cluster alone, else everybody.
        SELECT 1, nearline.transition_key(a.cluster, b.cluster), 'pair' FROM named a, named b
        WHERE a.name = older AND b.name = latest
        UNION ALL SELECT 2, nearline.transition_key(NULL, b.cluster), 'latest' FROM named b WHERE b.name = latest
        UNION ALL SELECT 3, nearline.transition_key(NULL, NULL), 'everybody'
    ), found AS (
        SELECT t.payload, tries.used FROM tries JOIN nearline.transition t ON t.key = tries.key
            AND t.release = (SELECT release FROM nearline.current_release WHERE only_row)
        ORDER BY tries.try LIMIT 1
    )
    SELECT u.rank, n.name, u.score, f.used
    FROM found f CROSS JOIN LATERAL nearline.unpack(f.payload) u JOIN named n ON n.cluster = u.item_row
    ORDER BY u.rank
$$;
COMMENT ON FUNCTION nearline.next_clusters(text, text) IS
    'The clusters that most often follow: of the ordered pair, else of the latest one, else of everybody.';

CREATE FUNCTION nearline.next_clusters(latest text)
RETURNS TABLE (rank int, cluster text, probability real, key_used text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT * FROM nearline.next_clusters(NULL, latest)
$$;

CREATE FUNCTION nearline.create_result_tables(user_type regtype, item_type regtype) RETURNS void
LANGUAGE plpgsql AS $create$
DECLARE
    user_found regtype;
    item_found regtype;
BEGIN
    SELECT atttypid INTO user_found FROM pg_attribute
    WHERE attrelid = to_regclass('nearline.candidate') AND attname = 'user_id';
    SELECT atttypid INTO item_found FROM pg_attribute
    WHERE attrelid = to_regclass('nearline.release_item') AND attname = 'item_id';
    IF user_found IS NOT NULL THEN
        IF user_found <> user_type OR item_found <> item_type THEN
            RAISE EXCEPTION 'the result tables hold % users and % items, the source now has % and %',
                user_found, item_found, user_type, item_type
                USING ERRCODE = 'datatype_mismatch', HINT =
                    'Cast the keys in the source views, or drop the schema nearline and run nearline migrate.';
        END IF;
        RETURN;
    END IF;

    EXECUTE format($ddl$
        CREATE TABLE nearline.candidate (
            user_id %1$s  NOT NULL,
            release int   NOT NULL,
            payload bytea NOT NULL
        ) PARTITION BY LIST (release);
        ALTER TABLE nearline.candidate ALTER COLUMN payload SET STORAGE EXTERNAL;
        COMMENT ON TABLE nearline.candidate IS 'One packed list per user and release; nearline.candidates shows them as rows.';

        CREATE TABLE nearline.release_item (
            release      int    NOT NULL,
            item_row     int    NOT NULL,
            item_id      %2$s   NOT NULL,
            lists        bigint NOT NULL,
            lists_top_10 bigint NOT NULL
        ) PARTITION BY LIST (release);
        COMMENT ON TABLE nearline.release_item IS
            'The items of a release by row, most popular first, and in how many lists each stands (in all, in the first ten).';

        CREATE FUNCTION nearline.lookup(wanted %1$s)
        RETURNS TABLE (rank int, item_id %2$s, score real, source text)
        LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            -- The pointer is asked for by each table on its own, in one snapshot: so only its partition is looked at.
            SELECT u.rank, i.item_id, u.score, u.source
            FROM nearline.unpack(coalesce(
                (SELECT c.payload FROM nearline.candidate c WHERE c.user_id = wanted
                    AND c.release = (SELECT release FROM nearline.current_release WHERE only_row)),
                (SELECT f.payload FROM nearline.fallback f
                    WHERE f.release = (SELECT release FROM nearline.current_release WHERE only_row)))) u
            JOIN nearline.release_item i ON i.item_row = u.item_row
                AND i.release = (SELECT release FROM nearline.current_release WHERE only_row)
            ORDER BY u.rank
        $body$;
        COMMENT ON FUNCTION nearline.lookup(%1$s) IS
            'The current list of a user, best first; the popular list where the user has none.';

        CREATE FUNCTION nearline.lookup_many(wanted %1$s[])
        RETURNS TABLE (user_id %1$s, rank int, item_id %2$s, score real, source text)
        LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            SELECT w.user_id, l.* FROM unnest(wanted) AS w (user_id) CROSS JOIN LATERAL nearline.lookup(w.user_id) l
        $body$;
        COMMENT ON FUNCTION nearline.lookup_many(%1$s[]) IS 'nearline.lookup for several users.';

        CREATE VIEW nearline.candidates AS
            SELECT c.user_id, u.rank, i.item_id, u.score, u.source
            FROM nearline.candidate c
            CROSS JOIN LATERAL nearline.unpack(c.payload) u
            JOIN nearline.release_item i ON i.release = c.release AND i.item_row = u.item_row
            WHERE c.release = (SELECT release FROM nearline.current_release WHERE only_row)
                AND i.release = (SELECT release FROM nearline.current_release WHERE only_row);
        COMMENT ON VIEW nearline.candidates IS 'Every place of every list of the current release.';

        CREATE VIEW nearline.exposure AS
            SELECT i.item_id, i.lists, i.lists_top_10
            FROM nearline.release_item i
            WHERE i.release = (SELECT release FROM nearline.current_release WHERE only_row);
        COMMENT ON VIEW nearline.exposure IS 'In how many lists of the current release each item stands, counted when it was built.';
    $ddl$, format_type(user_type, NULL), format_type(item_type, NULL));
END
$create$;
COMMENT ON FUNCTION nearline.create_result_tables(regtype, regtype) IS
    'Makes the result tables, lookups and views for these key types; does nothing where they are there already.';
