-- schema.sql: the schema after all migrations and create_result_tables('bigint', 'bigint'), as pg_dump writes it.
-- Nobody runs this file; GoldenSchemaTests compares it. To make it anew:
-- UPDATE_GOLDEN=1 jobs/test.sh --filter GoldenSchemaTests
CREATE SCHEMA nearline;
CREATE FUNCTION nearline.clusters_of(items bigint[]) RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
            SELECT array_agg(c.name ORDER BY w.place) FROM unnest(items) WITH ORDINALITY w (item_id, place)
            JOIN nearline.release_item i ON i.item_id = w.item_id
                AND i.release = (SELECT release FROM nearline.current_release WHERE only_row)
            JOIN nearline.release_cluster c ON c.cluster = i.cluster
                AND c.release = (SELECT release FROM nearline.current_release WHERE only_row)
        $$;
COMMENT ON FUNCTION nearline.clusters_of(items bigint[]) IS 'The clusters of items in their order; items that nobody knows are passed over.';
CREATE FUNCTION nearline.copy_grants(parent regclass, leaf regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT a.grantee::regrole AS grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = parent AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner AND a.grantee <> 0
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %s', leaf, given.grantee);
    END LOOP;
    FOR given IN
        SELECT p.relowner::regrole AS owner FROM pg_class p, pg_class l
        WHERE p.oid = parent AND p.relkind = 'p' AND l.oid = leaf AND l.relkind = 'r' AND l.relowner <> p.relowner
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO %s', leaf, given.owner);
    END LOOP;
END
$$;
CREATE FUNCTION nearline.create_list_tables(user_type regtype, item_type regtype) RETURNS void
    LANGUAGE plpgsql
    AS $_$
DECLARE
    user_found regtype;
    item_found regtype;
BEGIN
    SELECT atttypid INTO user_found FROM pg_attribute
    WHERE attrelid = to_regclass('nearline.candidate') AND attname = 'user_id';
    SELECT atttypid INTO item_found FROM pg_attribute
    WHERE attrelid = to_regclass('nearline.release_item') AND attname = 'item_id';
    IF user_found <> user_type OR item_found <> item_type THEN
        RAISE EXCEPTION 'the result tables hold % users and % items, the source now has % and %',
            user_found, item_found, user_type, item_type
            USING ERRCODE = 'datatype_mismatch', HINT =
                'Cast the keys in the source views, or drop the schema nearline and run nearline migrate.';
    END IF;
    IF user_found IS NULL THEN
        EXECUTE format($ddl$
            CREATE TABLE nearline.candidate (
                user_id %1$s  NOT NULL,
                release int   NOT NULL,
                payload bytea NOT NULL
            ) PARTITION BY LIST (release);
            ALTER TABLE nearline.candidate ALTER COLUMN payload SET STORAGE EXTERNAL;
            COMMENT ON TABLE nearline.candidate IS
                'One packed list per user and release; nearline.candidates shows them as rows.';
            CREATE TABLE nearline.release_item (
                release      int    NOT NULL,
                item_row     int    NOT NULL,
                item_id      %2$s   NOT NULL,
                lists        bigint NOT NULL,
                lists_top_10 bigint NOT NULL
            ) PARTITION BY LIST (release);
            COMMENT ON TABLE nearline.release_item IS
                'The items of a release by row, most popular first, and in how many lists each stands (in all, in the first ten).';
        $ddl$, format_type(user_type, NULL), format_type(item_type, NULL));
    END IF;
    IF to_regclass('nearline.overlay') IS NULL THEN
        EXECUTE format($ddl$
            CREATE TABLE nearline.overlay (
                user_id %1$s        NOT NULL,
                release int         NOT NULL,
                payload bytea       NOT NULL,
                as_of   timestamptz NOT NULL
            ) PARTITION BY LIST (release);
            ALTER TABLE nearline.overlay ALTER COLUMN payload SET STORAGE EXTERNAL;
            COMMENT ON TABLE nearline.overlay IS
                'Lists made since the release was published, from newer events (as_of); lookups read them first.';
        $ddl$, format_type(user_type, NULL));
        PERFORM nearline.create_result_functions(format_type(user_type, NULL), format_type(item_type, NULL));
        -- To readers who were let in before there was anything to read.
        PERFORM nearline.copy_grants('nearline.fallback', made::regclass) FROM unnest(ARRAY[
            'nearline.candidate', 'nearline.overlay', 'nearline.release_item', 'nearline.candidates',
            'nearline.exposure']) made;
    END IF;
END
$_$;
COMMENT ON FUNCTION nearline.create_list_tables(user_type regtype, item_type regtype) IS 'The part of create_result_tables that lists need.';
CREATE FUNCTION nearline.create_result_functions(user_type text, item_type text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
BEGIN
    EXECUTE format($ddl$
        CREATE OR REPLACE FUNCTION nearline.lookup(wanted %1$s)
        RETURNS TABLE (rank int, item_id %2$s, score real, source text)
        LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            -- The pointer is asked for by each table on its own, in one snapshot: so only its partition is looked at.
            SELECT u.rank, i.item_id, u.score, u.source
            FROM nearline.unpack(coalesce(
                (SELECT o.payload FROM nearline.overlay o WHERE o.user_id = wanted
                    AND o.release = (SELECT release FROM nearline.current_release WHERE only_row)),
                (SELECT c.payload FROM nearline.candidate c WHERE c.user_id = wanted
                    AND c.release = (SELECT release FROM nearline.current_release WHERE only_row)),
                (SELECT f.payload FROM nearline.fallback f
                    WHERE f.release = (SELECT release FROM nearline.current_release WHERE only_row)))) u
            JOIN nearline.release_item i ON i.item_row = u.item_row
                AND i.release = (SELECT release FROM nearline.current_release WHERE only_row)
            ORDER BY u.rank
        $body$;
        COMMENT ON FUNCTION nearline.lookup(%1$s) IS
            'The current list of a user, best first: the near-line one, else last night''s, else the popular one.';
        CREATE OR REPLACE FUNCTION nearline.lookup_many(wanted %1$s[])
        RETURNS TABLE (user_id %1$s, rank int, item_id %2$s, score real, source text)
        LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            SELECT w.user_id, l.* FROM unnest(wanted) AS w (user_id) CROSS JOIN LATERAL nearline.lookup(w.user_id) l
        $body$;
        COMMENT ON FUNCTION nearline.lookup_many(%1$s[]) IS 'nearline.lookup for several users.';
        CREATE OR REPLACE FUNCTION nearline.lookup_in(wanted_release int, wanted %1$s)
        RETURNS TABLE (rank int, item_id %2$s, score real, source text)
        LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            SELECT u.rank, i.item_id, u.score, u.source
            FROM nearline.unpack(coalesce(
                (SELECT o.payload FROM nearline.overlay o WHERE o.user_id = wanted AND o.release = wanted_release),
                (SELECT c.payload FROM nearline.candidate c WHERE c.user_id = wanted AND c.release = wanted_release),
                (SELECT f.payload FROM nearline.fallback f WHERE f.release = wanted_release))) u
            JOIN nearline.release_item i ON i.item_row = u.item_row AND i.release = wanted_release
            ORDER BY u.rank
        $body$;
        COMMENT ON FUNCTION nearline.lookup_in(int, %1$s) IS
            'nearline.lookup in a stated release: for a request that must not see two, or to look at an old one.';
        CREATE OR REPLACE FUNCTION nearline.lookup_facts(wanted %1$s)
        RETURNS TABLE (release int, origin text, as_of timestamptz, age interval, published_at timestamptz)
        LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            SELECT p.release, CASE WHEN o.user_id IS NOT NULL THEN 'overlay' WHEN EXISTS (
                    SELECT FROM nearline.candidate c WHERE c.user_id = wanted
                        AND c.release = (SELECT release FROM nearline.current_release WHERE only_row))
                THEN 'own' ELSE 'fallback' END,
                coalesce(o.as_of, r.as_of), now() - coalesce(o.as_of, r.as_of), p.published_at
            FROM nearline.current_release p
            JOIN nearline.release r USING (release)
            LEFT JOIN nearline.overlay o ON o.user_id = wanted
                AND o.release = (SELECT release FROM nearline.current_release WHERE only_row)
            WHERE p.only_row
        $body$;
        COMMENT ON FUNCTION nearline.lookup_facts(%1$s) IS
            'Which release a user''s list comes from, from where in it (overlay, own, fallback), and how old its events are.';
        CREATE OR REPLACE FUNCTION nearline.release_diff(a int, b int, share double precision DEFAULT 1)
        RETURNS TABLE (user_id %1$s, in_a int, in_b int, shared int)
        LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            -- The payloads are joined, and unpacked behind that: both sides stream in the order of their keys.
            SELECT user_id, n.in_a, n.in_b, n.shared
            FROM (
                SELECT c.user_id, c.payload FROM nearline.candidate c
                WHERE c.release = a AND nearline.in_sample(c.user_id::text, share)
            ) x FULL JOIN (
                SELECT c.user_id, c.payload FROM nearline.candidate c
                WHERE c.release = b AND nearline.in_sample(c.user_id::text, share)
            ) y USING (user_id)
            CROSS JOIN LATERAL (
                SELECT count(in_x.item_id)::int AS in_a, count(in_y.item_id)::int AS in_b,
                    count(*) FILTER (WHERE in_x.item_id = in_y.item_id)::int AS shared
                FROM (
                    SELECT i.item_id FROM nearline.unpack(x.payload) u
                    JOIN nearline.release_item i ON i.item_row = u.item_row AND i.release = a
                ) in_x FULL JOIN (
                    SELECT i.item_id FROM nearline.unpack(y.payload) u
                    JOIN nearline.release_item i ON i.item_row = u.item_row AND i.release = b
                ) in_y USING (item_id)
            ) n
        $body$;
        COMMENT ON FUNCTION nearline.release_diff(int, int, double precision) IS
            'For each user of two releases, or of a share of them, the length of both lists as published and how many items '
            'they share.';
        CREATE OR REPLACE VIEW nearline.candidates AS
            -- One level and no sub-selects with pointers of their own: else PostgreSQL 16 and older read it in one process.
            SELECT l.user_id, u.rank, i.item_id, u.score, u.source
            FROM (
                SELECT c.user_id, c.release, c.payload, false AS is_newer FROM nearline.candidate c
                UNION ALL
                SELECT o.user_id, o.release, o.payload, true FROM nearline.overlay o
            ) l
            LEFT JOIN nearline.overlay newer ON newer.user_id = l.user_id AND NOT l.is_newer
                AND newer.release = (SELECT release FROM nearline.current_release WHERE only_row)
            CROSS JOIN LATERAL nearline.unpack(l.payload) u
            JOIN nearline.release_item i ON i.item_row = u.item_row
                AND i.release = (SELECT release FROM nearline.current_release WHERE only_row)
            WHERE l.release = (SELECT release FROM nearline.current_release WHERE only_row)
                AND newer.user_id IS NULL;
        COMMENT ON VIEW nearline.candidates IS 'Every place of every list as lookup would answer now, overlay included.';
        CREATE OR REPLACE VIEW nearline.exposure AS
            SELECT i.item_id, i.lists, i.lists_top_10
            FROM nearline.release_item i
            WHERE i.release = (SELECT release FROM nearline.current_release WHERE only_row);
        COMMENT ON VIEW nearline.exposure IS 'In how many lists of the current release each item stands, counted when it was built.';
    $ddl$, user_type, item_type);
END
$_$;
CREATE FUNCTION nearline.create_result_tables(user_type regtype, item_type regtype) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    is_first CONSTANT boolean := to_regclass('nearline.candidate') IS NULL;
BEGIN
    PERFORM nearline.create_list_tables(user_type, item_type);
    IF to_regprocedure(format('nearline.clusters_of(%s[])', item_type)) IS NULL THEN
        PERFORM nearline.create_transition_functions(format_type(item_type, NULL));
    END IF;
    IF is_first AND nearline.has_roles() THEN
        PERFORM nearline.grant_roles();
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.create_result_tables(user_type regtype, item_type regtype) IS 'Makes the result tables, lookups and views for these key types; does nothing where they are there already.';
CREATE FUNCTION nearline.create_roles() RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    -- The admin does what the worker does and lets others in; who made the schema stays able to do all of it.
    needed CONSTANT text[] := ARRAY(
        SELECT format('CREATE ROLE %I', r.name)
        FROM unnest(ARRAY['nearline_reader', 'nearline_worker', 'nearline_admin']) r (name)
        WHERE to_regrole(r.name) IS NULL
        UNION ALL
        SELECT format('GRANT %I TO %I%s', r.name, r.joining, r.options)
        FROM (VALUES ('nearline_reader', 'nearline_admin', ' WITH ADMIN OPTION'),
            ('nearline_worker', 'nearline_admin', ' WITH ADMIN OPTION'), ('nearline_admin', current_user::text, '')
        ) r (name, joining, options)
        WHERE r.name <> r.joining AND NOT EXISTS (
            SELECT FROM pg_auth_members m WHERE m.roleid = to_regrole(r.name)
                AND m.member = to_regrole(quote_ident(r.joining))));
    step text;
BEGIN
    IF cardinality(needed) > 0 AND NOT EXISTS (
        SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole))
    THEN
        RAISE EXCEPTION 'role % may not create roles, nor join them', current_user
            USING ERRCODE = 'insufficient_privilege', HINT = 'Roles belong to the cluster. Have its administrator run: '
                || array_to_string(needed, '; ') || '; then run nearline migrate --roles again.';
    END IF;
    FOREACH step IN ARRAY needed LOOP
        BEGIN
            EXECUTE step;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- somebody else did it, for another database of this cluster
        END;
    END LOOP;
    PERFORM nearline.grant_roles();
END
$$;
COMMENT ON FUNCTION nearline.create_roles() IS 'Makes nearline_reader, nearline_worker and nearline_admin where they are missing, and gives them their rights here.';
CREATE FUNCTION nearline.create_transition_functions(item_type text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
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
$_$;
CREATE FUNCTION nearline.discount(wanted_release integer, list bytea) RETURNS void
    LANGUAGE plpgsql
    AS $_$
BEGIN
    UPDATE nearline.release SET users = users - 1, payload_bytes = payload_bytes - octet_length(list)
    WHERE release = wanted_release;
    UPDATE nearline.release_shard s SET users = s.users - 1, payload_bytes = s.payload_bytes - octet_length(list)
    WHERE s.release = wanted_release AND s.shard = (
        SELECT b.shard FROM nearline.release_shard b WHERE b.release = wanted_release ORDER BY b.users DESC, b.shard LIMIT 1);
    BEGIN
        EXECUTE format($sql$
            UPDATE nearline.release_item_r%s i SET lists = i.lists - u.lists, lists_top_10 = i.lists_top_10 - u.top_10
            FROM (SELECT item_row, count(*) AS lists, count(*) FILTER (WHERE rank <= 10) AS top_10
                FROM nearline.unpack($1) GROUP BY 1) u
            WHERE i.item_row = u.item_row$sql$, wanted_release) USING list;
    EXCEPTION WHEN undefined_table OR data_corrupted THEN
        NULL;  -- a leaf whose release is gone, or a list that nobody can read: there is nothing to count
    END;
END
$_$;
CREATE FUNCTION nearline.end_of_ones(bits bit varying, begin_at integer, ones integer) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
DECLARE
    -- So many bits behind begin_at hold too few, and enough.
    low  int := ones - 1;
    high int := least(16 * ones, length(bits) - begin_at + 1);
    half int;
BEGIN
    IF ones = 0 THEN
        RETURN begin_at;
    END IF;
    IF high < ones OR bit_count(substring(bits FROM begin_at FOR high)) < ones THEN
        RETURN NULL;
    END IF;
    WHILE high - low > 1 LOOP
        half := (low + high) / 2;
        IF bit_count(substring(bits FROM begin_at FOR half)) < ones THEN
            low := half;
        ELSE
            high := half;
        END IF;
    END LOOP;
    RETURN begin_at + high;
END
$$;
COMMENT ON FUNCTION nearline.end_of_ones(bits bit varying, begin_at integer, ones integer) IS 'The place behind so many ones from a place on, that is behind so many unary numbers; NULL where there are fewer.';
CREATE FUNCTION nearline.forget(wanted text) RETURNS TABLE(place text, rows bigint)
    LANGUAGE plpgsql
    SET lock_timeout TO '5s'
    AS $_$
DECLARE
    held  record;
    found record;
    list  bytea;
    taken bytea[];
    bound name;
    key   text := wanted;
BEGIN
    -- Nobody begins or ends a run meanwhile: a release in the making may get a list of this user after we have looked.
    LOCK TABLE nearline.run IN SHARE ROW EXCLUSIVE MODE;
    SELECT r.run, r.command, r.started_at INTO held FROM nearline.runs r
    WHERE r.ended_at IS NULL AND r.state = 'running' AND r.command IN ('precompute', 'backfill', 'work') LIMIT 1;
    IF held.run IS NOT NULL THEN
        RAISE EXCEPTION '% is at work (run %, since %) and may be writing a list of this user', held.command, held.run,
            held.started_at USING ERRCODE = 'object_in_use', HINT = 'Forget them when it has ended.';
    END IF;
    -- A refresh is always at work. It locks its overlay before it looks who is forgotten: so it has written before rows are
    -- removed from there, or it waits until this is committed and writes nothing of the user.
    FOR found IN SELECT * FROM nearline.user_tables() LOOP
        -- As the database writes it, so that it is found again.
        EXECUTE format('SELECT $1::%s::text', found.key_type) INTO key USING key;
        place := found.name;
        IF found.is_list THEN
            EXECUTE format('WITH gone AS (DELETE FROM %s WHERE user_id = $1::%s RETURNING payload)
                SELECT array_agg(payload) FROM gone', found.name, found.key_type) INTO taken USING key;
            rows := coalesce(cardinality(taken), 0);
            FOREACH list IN ARRAY coalesce(taken, '{}') LOOP
                PERFORM nearline.discount(found.release, list);
            END LOOP;
        ELSE
            EXECUTE format('DELETE FROM %s WHERE user_id = $1::%s', found.name, found.key_type) USING key;
            GET DIAGNOSTICS rows = ROW_COUNT;
        END IF;
        RETURN NEXT;
    END LOOP;
    -- A build that this range belonged to cannot go on: there are fewer events than when it began.
    FOR bound IN SELECT * FROM nearline.user_bounds() LOOP
        place := 'nearline.release_shard';
        EXECUTE format('UPDATE nearline.release_shard SET %1$I = NULL WHERE %1$I = $1', bound) USING key;
        GET DIAGNOSTICS rows = ROW_COUNT;
        RETURN NEXT;
    END LOOP;
    place := 'nearline.quarantine';
    DELETE FROM nearline.quarantine q WHERE nearline.is_named_in(key, q.row_text);
    GET DIAGNOSTICS rows = ROW_COUNT;
    RETURN NEXT;
    place := 'nearline.forgotten';
    INSERT INTO nearline.forgotten (user_id) VALUES (key) ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS rows = ROW_COUNT;
    RETURN NEXT;
END
$_$;
COMMENT ON FUNCTION nearline.forget(wanted text) IS 'Removes a user from every release, overlay and quarantine, and keeps their events from being read again; answers with the rows removed from each table. nearline forget also vacuums, and rewrites snapshot files.';
CREATE FUNCTION nearline.grant_reader(reader name) RETURNS void
    LANGUAGE plpgsql
    AS $_$
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
$_$;
COMMENT ON FUNCTION nearline.grant_reader(reader name) IS 'Lets a role call the lookups and read the result tables and views, now and in later releases, and nothing else.';
CREATE FUNCTION nearline.grant_roles() RETURNS void
    LANGUAGE plpgsql
    SET lock_timeout TO '5s'
    AS $_$
DECLARE
    leaves CONSTANT text := '^(candidate|overlay|transition|release_item)(_r[0-9]+)?$';
    -- What is more than reading, of tables where it is not all of it: books are added to, and what rules is the admin's.
    narrow CONSTANT jsonb := '{
        "migration": "", "forgotten": "", "release_event": "", "quarantine": "INSERT", "run": "INSERT, UPDATE",
        "model": "INSERT, UPDATE", "release": "INSERT, UPDATE", "current_release": "INSERT, UPDATE",
        "transition_build": "INSERT, UPDATE, DELETE", "transition_churn": "INSERT", "touched": "INSERT, DELETE",
        "deferred_user": "INSERT, DELETE", "watermark": "UPDATE"}';
    -- For the admin alone.
    ruling CONSTANT text[] := ARRAY['create_roles', 'grant_roles', 'grant_reader', 'forget', 'discount', 'traces_of'];
    object record;
BEGIN
    IF NOT nearline.has_roles() THEN
        ALTER SCHEMA nearline OWNER TO nearline_admin;
    END IF;
    GRANT USAGE, CREATE ON SCHEMA nearline TO nearline_worker;
    -- Only where it is another one: a change of owner locks the table.
    FOR object IN
        SELECT c.oid::regclass AS name, c.relkind, owner.name AS owner
        FROM pg_class c CROSS JOIN LATERAL (
            SELECT CASE WHEN c.relkind IN ('r', 'p') AND c.relname ~ leaves THEN 'nearline_worker'
                ELSE 'nearline_admin' END AS name
        ) owner
        WHERE c.relnamespace = 'nearline'::regnamespace AND c.relkind IN ('r', 'p', 'v')
            AND c.relowner <> to_regrole(owner.name)
    LOOP
        EXECUTE format('ALTER %s %s OWNER TO %I', CASE object.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, object.name,
            object.owner);
    END LOOP;
    FOR object IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'nearline'::regnamespace AND p.proowner <> to_regrole('nearline_admin')
    LOOP
        EXECUTE format('ALTER ROUTINE %s OWNER TO nearline_admin', object.name);
    END LOOP;
    FOR object IN
        SELECT c.oid::regclass AS name, CASE WHEN c.relkind = 'v' THEN ''
            ELSE coalesce(narrow ->> c.relname, 'INSERT, UPDATE, DELETE') END AS rights
        FROM pg_class c
        WHERE c.relnamespace = 'nearline'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT (
            c.relkind IN ('r', 'p') AND c.relname ~ leaves)
    LOOP
        EXECUTE format('GRANT SELECT%s ON %s TO nearline_worker',
            CASE object.rights WHEN '' THEN '' ELSE ', ' || object.rights END, object.name);
    END LOOP;
    FOR object IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'nearline'::regnamespace AND p.proname <> ALL (ruling) AND p.prorettype <> 'trigger'::regtype
    LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO nearline_worker', object.name);
    END LOOP;
    PERFORM nearline.grant_reader('nearline_reader');
END
$_$;
COMMENT ON FUNCTION nearline.grant_roles() IS 'Gives the three roles their rights on what is here now: after create_roles, and after each migration.';
CREATE FUNCTION nearline.half_to_real(sortable integer) RETURNS real
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT (CASE
        WHEN sortable >= 33792 THEN (((sortable & 1023) | 1024)::bigint << (((sortable >> 10) & 31) - 1)) * 2^(-24)
        WHEN sortable >= 32768 THEN (sortable & 1023) * 2^(-24)
        WHEN sortable >= 31744 THEN (1023 - (sortable & 1023)) * -(2^(-24))
        ELSE ((2047 - (sortable & 1023))::bigint << (30 - ((sortable >> 10) & 31))) * -(2^(-24))
    END)::real
$$;
COMMENT ON FUNCTION nearline.half_to_real(sortable integer) IS 'The score behind the sortable bits of a finite float16 (1024 to 64511): the bits with the sign turned over, all bits turned over where the score is negative.';
CREATE FUNCTION nearline.hand_on_transition_build() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE nearline.current_release SET transition_build = NEW.transition_build WHERE release = NEW.release;
    RETURN NULL;
END
$$;
CREATE FUNCTION nearline.has_failed_gates(wanted_release integer) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (SELECT FROM nearline.release_gate g WHERE g.release = wanted_release AND NOT g.passed)
$$;
CREATE FUNCTION nearline.has_lists(wanted_release integer) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $_$
DECLARE
    found boolean := false;
BEGIN
    IF to_regclass('nearline.candidate') IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM nearline.candidate WHERE release = $1)' INTO found USING wanted_release;
    END IF;
    RETURN found;
END
$_$;
COMMENT ON FUNCTION nearline.has_lists(wanted_release integer) IS 'Whether there is any list of a release: a crash of the server empties an unlogged one without a word.';
CREATE FUNCTION nearline.has_roles() RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (
        SELECT FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner
        WHERE n.nspname = 'nearline' AND o.rolname = 'nearline_admin')
$$;
COMMENT ON FUNCTION nearline.has_roles() IS 'Whether create_roles was called in this database.';
CREATE FUNCTION nearline.in_sample(key text, share double precision) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT share >= 1 OR (hashtextextended(key, 0) & 2147483647) < share * 2147483648
$$;
COMMENT ON FUNCTION nearline.in_sample(key text, share double precision) IS 'Whether a key belongs to a share of all keys: by its hash, so it is the same users every night, and all of them at 1.';
CREATE FUNCTION nearline.is_alive(lease_until timestamp with time zone, is_pooled boolean, backend_pid integer, backend_start timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    AS $$
    SELECT coalesce(lease_until > clock_timestamp(), true) AND (is_pooled OR EXISTS (
        -- Of other roles' sessions the beginning is not shown.
        SELECT FROM pg_stat_activity a WHERE a.pid = is_alive.backend_pid
            AND (a.backend_start IS NULL OR is_alive.backend_start IS NULL
                OR a.backend_start = is_alive.backend_start)))
$$;
COMMENT ON FUNCTION nearline.is_alive(lease_until timestamp with time zone, is_pooled boolean, backend_pid integer, backend_start timestamp with time zone) IS 'Whether whoever holds a lease can still be at work: it has not run out, and the database session is there.';
CREATE FUNCTION nearline.is_named_in(user_id text, words text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$
    -- As a word of its own, as it is or with the doubled quotes of a CSV file.
    SELECT words ~ ('(^|[^[:alnum:]_-])(' || regexp_replace(user_id, '([^[:alnum:]])', '\\\1', 'g') || '|'
        || regexp_replace(replace(user_id, '"', '""'), '([^[:alnum:]])', '\\\1', 'g') || ')($|[^[:alnum:]_-])')
$_$;
CREATE FUNCTION nearline.lookup(wanted bigint) RETURNS TABLE(rank integer, item_id bigint, score real, source text)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
            -- The pointer is asked for by each table on its own, in one snapshot: so only its partition is looked at.
            SELECT u.rank, i.item_id, u.score, u.source
            FROM nearline.unpack(coalesce(
                (SELECT o.payload FROM nearline.overlay o WHERE o.user_id = wanted
                    AND o.release = (SELECT release FROM nearline.current_release WHERE only_row)),
                (SELECT c.payload FROM nearline.candidate c WHERE c.user_id = wanted
                    AND c.release = (SELECT release FROM nearline.current_release WHERE only_row)),
                (SELECT f.payload FROM nearline.fallback f
                    WHERE f.release = (SELECT release FROM nearline.current_release WHERE only_row)))) u
            JOIN nearline.release_item i ON i.item_row = u.item_row
                AND i.release = (SELECT release FROM nearline.current_release WHERE only_row)
            ORDER BY u.rank
        $$;
COMMENT ON FUNCTION nearline.lookup(wanted bigint) IS 'The current list of a user, best first: the near-line one, else last night''s, else the popular one.';
CREATE FUNCTION nearline.lookup_facts(wanted bigint) RETURNS TABLE(release integer, origin text, as_of timestamp with time zone, age interval, published_at timestamp with time zone)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
            SELECT p.release, CASE WHEN o.user_id IS NOT NULL THEN 'overlay' WHEN EXISTS (
                    SELECT FROM nearline.candidate c WHERE c.user_id = wanted
                        AND c.release = (SELECT release FROM nearline.current_release WHERE only_row))
                THEN 'own' ELSE 'fallback' END,
                coalesce(o.as_of, r.as_of), now() - coalesce(o.as_of, r.as_of), p.published_at
            FROM nearline.current_release p
            JOIN nearline.release r USING (release)
            LEFT JOIN nearline.overlay o ON o.user_id = wanted
                AND o.release = (SELECT release FROM nearline.current_release WHERE only_row)
            WHERE p.only_row
        $$;
COMMENT ON FUNCTION nearline.lookup_facts(wanted bigint) IS 'Which release a user''s list comes from, from where in it (overlay, own, fallback), and how old its events are.';
CREATE FUNCTION nearline.lookup_in(wanted_release integer, wanted bigint) RETURNS TABLE(rank integer, item_id bigint, score real, source text)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
            SELECT u.rank, i.item_id, u.score, u.source
            FROM nearline.unpack(coalesce(
                (SELECT o.payload FROM nearline.overlay o WHERE o.user_id = wanted AND o.release = wanted_release),
                (SELECT c.payload FROM nearline.candidate c WHERE c.user_id = wanted AND c.release = wanted_release),
                (SELECT f.payload FROM nearline.fallback f WHERE f.release = wanted_release))) u
            JOIN nearline.release_item i ON i.item_row = u.item_row AND i.release = wanted_release
            ORDER BY u.rank
        $$;
COMMENT ON FUNCTION nearline.lookup_in(wanted_release integer, wanted bigint) IS 'nearline.lookup in a stated release: for a request that must not see two, or to look at an old one.';
CREATE FUNCTION nearline.lookup_many(wanted bigint[]) RETURNS TABLE(user_id bigint, rank integer, item_id bigint, score real, source text)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
            SELECT w.user_id, l.* FROM unnest(wanted) AS w (user_id) CROSS JOIN LATERAL nearline.lookup(w.user_id) l
        $$;
COMMENT ON FUNCTION nearline.lookup_many(wanted bigint[]) IS 'nearline.lookup for several users.';
CREATE FUNCTION nearline.lz4_block(input bytea, raw_length integer) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT COST 1000 PARALLEL SAFE
    AS $$
    SELECT nearline.lz4_block(input, raw_length, '')
$$;
COMMENT ON FUNCTION nearline.lz4_block(input bytea, raw_length integer) IS 'Decompresses an LZ4 block to exactly raw_length bytes, or raises data_corrupted; reads nothing outside its input.';
CREATE FUNCTION nearline.lz4_block(input bytea, raw_length integer, dictionary bytea) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE STRICT COST 1000 PARALLEL SAFE
    AS $$
DECLARE
    block    bytea := substring(input FROM 1);  -- brings a value from TOAST into memory once, not at every get_byte
    size     int   := length(block);
    reach    int   := length(dictionary);
    output   bytea := '';
    written  int   := 0;
    position int   := 0;
    token    int;
    run      int;
    more     int;
    back     int;
    piece    bytea;
BEGIN
    LOOP
        EXIT WHEN position >= size;
        token := get_byte(block, position);
        position := position + 1;
        -- Literals: their count, 15 meaning that bytes to be added follow, up to one below 255.
        run := token >> 4;
        IF run = 15 THEN
            LOOP
                EXIT WHEN position >= size OR written + run > raw_length;
                more := get_byte(block, position);
                position := position + 1;
                run := run + more;
                EXIT WHEN more < 255;
            END LOOP;
        END IF;
        EXIT WHEN run > size - position OR run > raw_length - written;
        IF run > 0 THEN
            output := output || substring(block FROM position + 1 FOR run);
            position := position + run;
            written := written + run;
        END IF;
        -- A block ends behind literals, never behind a match.
        IF position = size AND written = raw_length THEN
            RETURN output;
        END IF;
        -- A match: how far back it begins, and its length less 4.
        EXIT WHEN size - position < 2;
        back := get_byte(block, position) | (get_byte(block, position + 1) << 8);
        position := position + 2;
        EXIT WHEN back = 0 OR back > written + reach;
        run := (token & 15) + 4;
        IF run = 19 THEN
            LOOP
                EXIT WHEN position >= size OR written + run > raw_length;
                more := get_byte(block, position);
                position := position + 1;
                run := run + more;
                EXIT WHEN more < 255;
            END LOOP;
        END IF;
        EXIT WHEN run > raw_length - written;
        IF back > written THEN
            -- It begins in the dictionary, which ends where the output begins, and may go on from there.
            piece := substring(dictionary FROM reach + written - back + 1 FOR run);
            output := output || piece;
            written := written + length(piece);
            run := run - length(piece);
        END IF;
        IF run > 0 THEN
            piece := substring(output FROM written - back + 1 FOR least(back, run));
            -- A match may reach into what it writes itself: that repeats its first `back` bytes.
            WHILE length(piece) < run LOOP
                piece := piece || piece;
            END LOOP;
            output := output || substring(piece FROM 1 FOR run);
            written := written + run;
        END IF;
    END LOOP;
    RAISE EXCEPTION 'the LZ4 block is malformed at byte % of %, with % of % bytes decompressed',
        position, size, written, raw_length
        USING ERRCODE = 'data_corrupted', HINT = 'The bytes were damaged: publish the release again, or roll back.';
END
$$;
COMMENT ON FUNCTION nearline.lz4_block(input bytea, raw_length integer, dictionary bytea) IS 'Decompresses an LZ4 block, whose matches may lie in the dictionary too, to exactly raw_length bytes, or raises data_corrupted; reads nothing outside its inputs.';
CREATE FUNCTION nearline.next_clusters() RETURNS TABLE(rank integer, cluster text, probability real, key_used text, support bigint, trend real, source text)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT * FROM nearline.next_clusters(VARIADIC '{}')
$$;
COMMENT ON FUNCTION nearline.next_clusters() IS 'The clusters that most often come next for everybody.';
CREATE FUNCTION nearline.next_clusters(VARIADIC clusters text[]) RETURNS TABLE(rank integer, cluster text, probability real, key_used text, support bigint, trend real, source text)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT * FROM nearline.next_clusters_in(NULL, VARIADIC clusters)
$$;
COMMENT ON FUNCTION nearline.next_clusters(VARIADIC clusters text[]) IS 'The clusters that most often follow these, latest last: of the longest key that is there (triple, pair, latest, everybody), clusters that nobody knows passed over. The source says who expects it: counts, interest (a language model).';
CREATE FUNCTION nearline.next_clusters_in(scene text, VARIADIC clusters text[]) RETURNS TABLE(rank integer, cluster text, probability real, key_used text, support bigint, trend real, source text)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
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
COMMENT ON FUNCTION nearline.next_clusters_in(scene text, VARIADIC clusters text[]) IS 'nearline.next_clusters for one scene; where that has no such key, for all scenes together.';
CREATE FUNCTION nearline.overlay_users(wanted_release integer) RETURNS bigint
    LANGUAGE plpgsql STABLE
    AS $_$
DECLARE
    found bigint := 0;
BEGIN
    IF to_regclass('nearline.overlay') IS NOT NULL THEN
        EXECUTE 'SELECT count(*) FROM nearline.overlay WHERE release = $1' INTO found USING wanted_release;
    END IF;
    RETURN found;
END
$_$;
COMMENT ON FUNCTION nearline.overlay_users(wanted_release integer) IS 'Users of a release whose lists were made anew since it was published.';
CREATE FUNCTION nearline.payload_checksum(bytes bytea) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT hash_array_extended(ARRAY[bytes], 0) & 4294967295
$$;
COMMENT ON FUNCTION nearline.payload_checksum(bytes bytea) IS 'The checksum in payloads of version 2, of their bytes 0 to 7 and 12 to the end; also the key of a dictionary.';
CREATE FUNCTION nearline.payload_header(payload bytea, OUT codec integer, OUT n integer, OUT raw_length integer, OUT body bytea) RETURNS record
    LANGUAGE plpgsql IMMUTABLE STRICT COST 500 PARALLEL SAFE
    AS $$
DECLARE
    newer   CONSTANT text := 'Was it written by a newer Nearline? Run nearline migrate.';
    damaged CONSTANT text := 'The bytes were damaged: publish the release again, or roll back.';
    header  bytea := substring(payload FROM 1 FOR 14);
    version int;
    last    int := 2;  -- of the codecs of a version
    stored  bigint;
BEGIN
    IF length(header) < 12 OR get_byte(header, 0) <> 78 THEN
        RAISE EXCEPTION 'not a payload: % bytes that do not begin with a header', length(payload)
            USING ERRCODE = 'data_corrupted',
                HINT = 'Is this a payload column? Was it written by a newer Nearline? Run nearline migrate.';
    END IF;
    version := get_byte(header, 1);
    codec := get_byte(header, 2);
    IF version = 2 THEN
        last := 4;
        n := get_byte(header, 3) | (get_byte(header, 4) << 8);
        raw_length := get_byte(header, 5) | (get_byte(header, 6) << 8) | (get_byte(header, 7) << 16);
        stored := get_byte(header, 8) | (get_byte(header, 9) << 8) | (get_byte(header, 10) << 16)
            | (get_byte(header, 11)::bigint << 24);
        body := substring(payload FROM 13);  -- also brings a value from TOAST into memory once
        -- Before the codec: a damaged codec should not read as one of a newer Nearline.
        IF nearline.payload_checksum(substring(header FROM 1 FOR 8) || body) <> stored THEN
            RAISE EXCEPTION 'payload states checksum % and has %', stored,
                nearline.payload_checksum(substring(header FROM 1 FOR 8) || body)
                USING ERRCODE = 'data_corrupted', HINT = damaged;
        END IF;
    ELSIF version = 1 AND length(header) = 14 AND get_byte(header, 3) = 0 THEN
        -- Its checksum is XXH3, which SQL cannot compute: a flipped bit in a row or a score passes. ResultCodec checks it.
        n := get_byte(header, 4) | (get_byte(header, 5) << 8);
        raw_length := get_byte(header, 6) | (get_byte(header, 7) << 8) | (get_byte(header, 8) << 16)
            | (get_byte(header, 9) << 24);
        body := substring(payload FROM 15);
    ELSE
        last := -1;
    END IF;
    IF codec > last THEN
        RAISE EXCEPTION 'payload of version %, codec % in % bytes; known are version 1 with codecs 0 to 2, version 2 '
            'with codecs 0 to 4', version, codec, length(payload)
            USING ERRCODE = 'data_corrupted', HINT = newer;
    END IF;
    IF (codec IN (0, 2, 3) AND raw_length <> 7 * n) OR (codec IN (0, 1, 4) AND raw_length <> length(body))
        OR (codec = 3 AND length(body) < 4)
        OR (n = 0 AND raw_length <> 0) THEN
        RAISE EXCEPTION 'payload of codec % with % candidates: body of % bytes, stated as % when decompressed',
            codec, n, length(body), raw_length
            USING ERRCODE = 'data_corrupted', HINT = damaged;
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.payload_header(payload bytea, OUT codec integer, OUT n integer, OUT raw_length integer, OUT body bytea) IS 'Codec, number of candidates, length when decompressed, and the body of a payload of version 1 or 2, checked.';
CREATE FUNCTION nearline.record_release_state() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    why text := nullif(current_setting('nearline.reason', true), '');
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO nearline.release_event (release, becomes, reason) VALUES (NEW.release, NEW.state, why);
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state THEN
        IF (OLD.state, NEW.state) NOT IN (
            ('building', 'validated'), ('building', 'failed'), ('validated', 'current'), ('current', 'superseded'),
            ('current', 'rolled_back'), ('superseded', 'current'), ('rolled_back', 'current')
        ) THEN
            RAISE EXCEPTION 'release % is %, it cannot become %', OLD.release, OLD.state, NEW.state
                USING ERRCODE = 'check_violation', HINT = 'nearline releases shows the states; see nearline.release_event.';
        END IF;
        INSERT INTO nearline.release_event (release, was, becomes, reason)
        VALUES (NEW.release, OLD.state, NEW.state, coalesce(why, CASE WHEN NEW.state = 'failed' THEN NEW.reason END));
    END IF;
    IF NEW.pin_reason IS DISTINCT FROM OLD.pin_reason THEN
        INSERT INTO nearline.release_event (release, was, becomes, reason) VALUES (
            NEW.release, NEW.state, CASE WHEN NEW.pin_reason IS NULL THEN 'unpinned' ELSE 'pinned' END,
            coalesce(NEW.pin_reason, why));
    END IF;
    IF NEW.pruned_at IS DISTINCT FROM OLD.pruned_at THEN
        INSERT INTO nearline.release_event (release, was, becomes, reason)
        VALUES (NEW.release, NEW.state, 'pruned', why);
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION nearline.refuse_candidate(rank integer, item_row bigint, source text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
BEGIN
    IF source IS NULL THEN
        RAISE EXCEPTION 'candidate % of a payload has a source that is not known here', rank
            USING ERRCODE = 'data_corrupted', HINT = 'Was it written by a newer Nearline? Run nearline migrate.';
    END IF;
    IF item_row < 0 OR item_row > 2147483647 THEN
        RAISE EXCEPTION 'candidate % of a payload has an item row above 2147483647', rank
            USING ERRCODE = 'data_corrupted',
                HINT = 'The bytes were damaged: publish the release again, or roll back.';
    END IF;
    RAISE EXCEPTION 'the scores of a payload break off or stop falling at candidate %', rank
        USING ERRCODE = 'data_corrupted', HINT = 'The bytes were damaged: publish the release again, or roll back.';
END
$$;
COMMENT ON FUNCTION nearline.refuse_candidate(rank integer, item_row bigint, source text) IS 'Raises data_corrupted, saying which part of a candidate cannot be.';
CREATE FUNCTION nearline.release_diff(a integer, b integer, share double precision DEFAULT 1) RETURNS TABLE(user_id bigint, in_a integer, in_b integer, shared integer)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
            -- The payloads are joined, and unpacked behind that: both sides stream in the order of their keys.
            SELECT user_id, n.in_a, n.in_b, n.shared
            FROM (
                SELECT c.user_id, c.payload FROM nearline.candidate c
                WHERE c.release = a AND nearline.in_sample(c.user_id::text, share)
            ) x FULL JOIN (
                SELECT c.user_id, c.payload FROM nearline.candidate c
                WHERE c.release = b AND nearline.in_sample(c.user_id::text, share)
            ) y USING (user_id)
            CROSS JOIN LATERAL (
                SELECT count(in_x.item_id)::int AS in_a, count(in_y.item_id)::int AS in_b,
                    count(*) FILTER (WHERE in_x.item_id = in_y.item_id)::int AS shared
                FROM (
                    SELECT i.item_id FROM nearline.unpack(x.payload) u
                    JOIN nearline.release_item i ON i.item_row = u.item_row AND i.release = a
                ) in_x FULL JOIN (
                    SELECT i.item_id FROM nearline.unpack(y.payload) u
                    JOIN nearline.release_item i ON i.item_row = u.item_row AND i.release = b
                ) in_y USING (item_id)
            ) n
        $$;
COMMENT ON FUNCTION nearline.release_diff(a integer, b integer, share double precision) IS 'For each user of two releases, or of a share of them, the length of both lists as published and how many items they share.';
CREATE FUNCTION nearline.require_owner_to_force() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'nearline.release'::regclass) THEN
        RAISE EXCEPTION 'role % may not go past the gates', current_user
            USING ERRCODE = 'insufficient_privilege', HINT = 'Have a member of nearline_admin do it.';
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION nearline.source_label(source integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT CASE source WHEN 0 THEN 'model' WHEN 1 THEN 'repeat' WHEN 2 THEN 'transition' WHEN 3 THEN 'popular' END
$$;
COMMENT ON FUNCTION nearline.source_label(source integer) IS 'Why a candidate is in a list, as a word; NULL for a source that this version does not know.';
CREATE FUNCTION nearline.take_transition_build() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.transition_build := (SELECT r.transition_build FROM nearline.release r WHERE r.release = NEW.release);
    RETURN NEW;
END
$$;
CREATE FUNCTION nearline.touch() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    added bigint;
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = TG_RELID AND attname = TG_ARGV[0] AND attnum > 0 AND NOT attisdropped)
    THEN
        RAISE WARNING 'table % has no column % any more: its users are not refreshed', TG_RELID::regclass, TG_ARGV[0]
            USING HINT = 'Run nearline refresh --uninstall, then --install.';
        RETURN NULL;
    END IF;
    EXECUTE format(
        CASE TG_OP
            WHEN 'INSERT' THEN 'INSERT INTO nearline.touched (user_id) SELECT DISTINCT n.%1$I::text FROM new_rows n'
            WHEN 'DELETE' THEN 'INSERT INTO nearline.touched (user_id) SELECT DISTINCT n.%1$I::text FROM old_rows n'
            ELSE 'INSERT INTO nearline.touched (user_id) SELECT n.%1$I FROM (
                SELECT %1$I::text FROM old_rows UNION SELECT %1$I::text FROM new_rows) n'
        END || ' WHERE n.%1$I IS NOT NULL
            AND NOT EXISTS (SELECT FROM nearline.forgotten f WHERE f.user_id = n.%1$I::text)', TG_ARGV[0]);
    GET DIAGNOSTICS added = ROW_COUNT;
    -- NOTIFY locks all other notifying commits out, so it is for who wakes a sleeper only; and a transaction that used it
    -- cannot be prepared.
    IF added > 0 AND current_setting('max_prepared_transactions') = '0' AND EXISTS (
        SELECT FROM nearline.watermark w WHERE w.name = 'refresh' AND w.waits_until > clock_timestamp())
    THEN
        PERFORM pg_notify('nearline_touched', '');
    END IF;
    RETURN NULL;
END
$_$;
COMMENT ON FUNCTION nearline.touch() IS 'Trigger for statements: queues the users of the rows that changed. Its argument is the column that has their key.';
CREATE TABLE nearline.touched (
    touch bigint NOT NULL,
    user_id text NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_cost_delay='0', autovacuum_vacuum_insert_scale_factor='0', autovacuum_vacuum_insert_threshold='50000', vacuum_truncate='false');
COMMENT ON TABLE nearline.touched IS 'Users whose lists are to be made anew, the oldest first; filled by the triggers of nearline refresh --install.';
CREATE FUNCTION nearline.touched_behind(place pg_snapshot, most integer) RETURNS SETOF nearline.touched
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
    (SELECT * FROM nearline.touched WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(place))) ORDER BY xid, touch LIMIT most)
    UNION ALL
    (SELECT * FROM nearline.touched WHERE xid >= pg_snapshot_xmax(place) ORDER BY xid, touch LIMIT most)
    LIMIT most
$$;
COMMENT ON FUNCTION nearline.touched_behind(place pg_snapshot, most integer) IS 'Rows of the queue that the snapshot did not show yet, the oldest first.';
CREATE FUNCTION nearline.traces_of(wanted text) RETURNS TABLE(place text, rows bigint)
    LANGUAGE plpgsql STABLE
    AS $_$
DECLARE
    found record;
    bound name;
    key   text := wanted;
BEGIN
    FOR found IN SELECT * FROM nearline.user_tables() LOOP
        place := found.name;
        EXECUTE format('SELECT $1::%s::text', found.key_type) INTO key USING key;
        EXECUTE format('SELECT count(*) FROM %s WHERE user_id = $1::%s', found.name, found.key_type)
            INTO rows USING key;
        RETURN NEXT;
    END LOOP;
    FOR bound IN SELECT * FROM nearline.user_bounds() LOOP
        place := 'nearline.release_shard';
        EXECUTE format('SELECT count(*) FROM nearline.release_shard WHERE %I = $1', bound) INTO rows USING key;
        RETURN NEXT;
    END LOOP;
    place := 'nearline.quarantine';
    SELECT count(*) INTO rows FROM nearline.quarantine q WHERE nearline.is_named_in(key, q.row_text);
    RETURN NEXT;
END
$_$;
COMMENT ON FUNCTION nearline.traces_of(wanted text) IS 'In how many rows of each table a user is: after nearline.forget nowhere, which is the proof.';
CREATE FUNCTION nearline.transition_candidates(clusters text[], wanted integer DEFAULT 100) RETURNS TABLE(rank integer, item_id bigint, score real, cluster text)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
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
        $$;
COMMENT ON FUNCTION nearline.transition_candidates(clusters text[], wanted integer) IS 'Popular items of the clusters that follow these, latest last: probability of the cluster times the share of the item in it. A cluster that only a language model expects counts as much as the most probable one.';
CREATE FUNCTION nearline.transition_candidates_after(items bigint[], wanted integer DEFAULT 100) RETURNS TABLE(rank integer, item_id bigint, score real, cluster text)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
            SELECT (row_number() OVER (ORDER BY t.rank))::int, t.item_id, t.score, t.cluster
            FROM nearline.transition_candidates(
                coalesce(nearline.clusters_of(items), '{}'),
                least(wanted::bigint + coalesce(cardinality(items), 0), 2147483647)::int) t
            WHERE NOT EXISTS (SELECT FROM unnest(items) seen WHERE seen = t.item_id)
            ORDER BY t.rank LIMIT wanted
        $$;
COMMENT ON FUNCTION nearline.transition_candidates_after(items bigint[], wanted integer) IS 'For somebody who is in no table yet: what to show after these items, latest last; without these.';
CREATE FUNCTION nearline.transition_detail(detail bytea) RETURNS TABLE(rank integer, support bigint, trend real)
    LANGUAGE plpgsql IMMUTABLE STRICT ROWS 20 PARALLEL SAFE
    AS $$
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
COMMENT ON FUNCTION nearline.transition_detail(detail bytea) IS 'Of each successor of a key how often it came next, and by how much its share rose against the window before.';
CREATE FUNCTION nearline.transition_key(older integer, latest integer) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT ((coalesce(older, -1) + 1)::bigint << 32) | (coalesce(latest, -1) + 1)::bigint
$$;
COMMENT ON FUNCTION nearline.transition_key(older integer, latest integer) IS 'The key of an ordered pair of clusters; NULL stands for "none", so (NULL, NULL) is everybody''s.';
CREATE FUNCTION nearline.transition_key_of(clusters integer[], scene integer DEFAULT 0) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT ((coalesce(clusters[n - 2], -1) + 1)::bigint << 48) | ((coalesce(clusters[n - 1], -1) + 1)::bigint << 32)
        | (scene::bigint << 16) | (coalesce(clusters[n], -1) + 1)::bigint
    FROM coalesce(array_length(clusters, 1), 0) n
$$;
COMMENT ON FUNCTION nearline.transition_key_of(clusters integer[], scene integer) IS 'The key of the last clusters of a user, latest last, three at most; of none it is everybody''s.';
CREATE FUNCTION nearline.transition_latest(key bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT nullif((key & 65535)::int - 1, -1)
$$;
COMMENT ON FUNCTION nearline.transition_latest(key bigint) IS 'The latest cluster of a key; NULL in the key of everybody.';
CREATE FUNCTION nearline.transition_older(key bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT nullif(((key >> 32) & 65535)::int - 1, -1)
$$;
COMMENT ON FUNCTION nearline.transition_older(key bigint) IS 'The older cluster of a key; NULL where it has none.';
CREATE FUNCTION nearline.transition_oldest(key bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT nullif(((key >> 48) & 65535)::int - 1, -1)
$$;
COMMENT ON FUNCTION nearline.transition_oldest(key bigint) IS 'The cluster before the older one of a key; NULL where it has none.';
CREATE FUNCTION nearline.transition_scene(key bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT ((key >> 16) & 65535)::int
$$;
COMMENT ON FUNCTION nearline.transition_scene(key bigint) IS 'The scene of a key, a number of release_scene; 0 in keys of all scenes together.';
CREATE FUNCTION nearline.unpack(payload bytea) RETURNS TABLE(rank integer, item_row integer, score real, source text)
    LANGUAGE plpgsql STABLE STRICT COST 5000 ROWS 100 PARALLEL SAFE
    AS $$
DECLARE
    header      record;
    n           int;
    bits        bit varying;    -- of the body
    place       int := 8;       -- the next bit of the head, from 1
    band_bits   int;
    width       int;
    base        bigint := 0;
    bases       bigint[];       -- of bands, from 0
    widths      int[];
    band        int;
    rices       int[] := '{}';  -- the parameter of each group of ranks
    rice        int := 0;
    mask        int;            -- of the bits of a rest
    has_falls   boolean;
    begins      int := 0;       -- the ranks of a group
    ends        int := 1;
    falls       int := 0;       -- that are written
    form        int;            -- of the sources: 0 one for all, 1 fixed, 2 unary, 3 runs
    labels      text[] := '{}';
    source_bits int;
    run_bits    int;
    run_ends    int := 0;
    source_at   int;            -- the next bit of each part
    band_at     int;
    fall_at     int;
    rest_at     int;
    ones_at     int;            -- where the next unary number ends, from its first bit
    rest        bigint;         -- the place in the band, then the lowest bits of the fall
    sortable    int;            -- bits of the score
    is_special  boolean;        -- rows may be too large, or sources differ
BEGIN
    header := nearline.payload_header(payload);
    n := header.n;
    IF header.codec <> 4 THEN
        RETURN QUERY SELECT * FROM nearline.unpack_bytes(header.codec, header.n, header.raw_length, header.body);
        RETURN;
    ELSIF n = 0 THEN
        RETURN;
    END IF;
    -- The head.
    bits := ('x' || encode(header.body, 'hex'))::bit varying;
    band_bits := substring(bits FROM 1 FOR 2)::int;
    width := substring(bits FROM 3 FOR 5)::int;
    run_bits := 17 - coalesce(nullif(position(B'1' IN (n - 1)::bit(16)), 0), 17);
    FOR i IN 0 .. (1 << band_bits) - 1 LOOP
        IF i > 0 THEN
            width := width + substring(bits FROM place FOR 2)::int;
            place := place + 2;
        END IF;
        bases[i] := base;
        widths[i] := width;
        base := base + (1::bigint << width);
    END LOOP;
    sortable := substring(bits FROM place FOR 16)::int;
    place := place + 16;
    WHILE ends < n LOOP
        rice := substring(bits FROM place FOR 4)::int;
        place := place + 4;
        rices := rices || rice;
        IF rice < 15 THEN
            falls := falls + least(n, 4 * ends) - ends;
        END IF;
        ends := 4 * ends;
    END LOOP;
    form := substring(bits FROM place FOR 2)::int;
    place := place + 2;
    ends := 0;
    IF form > 0 THEN
        ends := substring(bits FROM place FOR 4)::int;
        place := place + 4;
    END IF;
    source_bits := 5 - coalesce(nullif(position(B'1' IN ends::bit(4)), 0), 5);
    FOR i IN 0 .. ends LOOP
        source := nearline.source_label(substring(bits FROM place FOR 4)::int);
        IF source IS NULL THEN
            PERFORM nearline.refuse_candidate(1, 0, NULL);
        END IF;
        labels := labels || source;
        place := place + 4;
    END LOOP;
    -- Where the parts begin.
    band_at := place;
    source_at := place + n * band_bits;
    fall_at := source_at;
    IF form = 1 THEN
        fall_at := source_at + n * source_bits;
    ELSIF form = 2 THEN
        fall_at := nearline.end_of_ones(bits, source_at, n);
    ELSIF form = 3 THEN
        WHILE run_ends < n LOOP
            run_ends := run_ends + 1 + substring(bits FROM fall_at + source_bits FOR run_bits)::int;
            fall_at := fall_at + source_bits + run_bits;
        END LOOP;
    END IF;
    rest_at := nearline.end_of_ones(bits, fall_at, falls);
    IF width > 31 OR rest_at IS NULL OR run_ends > n OR sortable > 64511 THEN
        PERFORM nearline.refuse_candidate(1, 0, '');
    END IF;
    -- The candidates, by groups of ranks that share a parameter. No fall is written of the first one, nor of a group
    -- whose parameter is 15.
    is_special := form > 0 OR base > 2147483648;
    run_ends := 0;
    source := labels[1];
    rices := 15 || rices;
    ends := 1;
    WHILE begins < n LOOP
        rice := rices[1];
        rices := rices[2:];
        has_falls := rice < 15;
        rice := rice % 15;
        mask := (1 << rice) - 1;
        FOR i IN begins .. least(n, ends) - 1 LOOP
            band := substring(bits FROM band_at + i * band_bits FOR band_bits)::int;
            rest := substring(bits FROM rest_at FOR widths[band] + rice)::bigint;
            rest_at := rest_at + widths[band] + rice;
            IF has_falls THEN
                ones_at := position(B'1' IN substring(bits FROM fall_at FOR 16));
                fall_at := fall_at + ones_at;
                IF ones_at < 16 THEN
                    sortable := sortable - (((ones_at - 1) << rice) | (rest & mask)::int);
                ELSE
                    rest_at := rest_at + 16 - rice;
                    rest := substring(bits FROM rest_at - widths[band] - 16 FOR widths[band] + 16)::bigint;
                    sortable := sortable - (rest & 65535)::int;
                    rest := (rest >> 16) << rice;
                END IF;
            END IF;
            IF is_special THEN
                IF form = 2 THEN
                    ones_at := position(B'1' IN substring(bits FROM source_at FOR 16));
                    source := labels[ones_at];
                    source_at := source_at + ones_at;
                ELSIF form = 1 THEN
                    source := labels[1 + substring(bits FROM source_at FOR source_bits)::int];
                    source_at := source_at + source_bits;
                ELSIF form = 3 AND i = run_ends THEN
                    source := labels[1 + substring(bits FROM source_at FOR source_bits)::int];
                    run_ends := i + 1 + substring(bits FROM source_at + source_bits FOR run_bits)::int;
                    source_at := source_at + source_bits + run_bits;
                END IF;
                IF source IS NULL OR bases[band] + (rest >> rice) > 2147483647 THEN
                    PERFORM nearline.refuse_candidate(i + 1, bases[band] + (rest >> rice), coalesce(source, ''));
                END IF;
            END IF;
            rank := i + 1;
            item_row := (bases[band] + (rest >> rice))::int;
            score := nearline.half_to_real(sortable);
            RETURN NEXT;
        END LOOP;
        begins := ends;
        ends := 4 * ends;
    END LOOP;
    -- Scores only fall, so the last one tells. Every byte is used, and the last one filled up with zeros.
    IF rank IS DISTINCT FROM n OR sortable < 1024 OR (rest_at + 6) / 8 <> length(header.body)
        OR position(B'1' IN substring(bits FROM rest_at)) > 0 THEN
        PERFORM nearline.refuse_candidate(coalesce(rank, 0), 0, '');
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.unpack(payload bytea) IS 'The candidates of a payload, best first, rank from 1: item rows of the release''s dictionary, scores as float16. Raises data_corrupted where the checksum (of version 2), lengths, scores or sources do not fit.';
CREATE FUNCTION nearline.unpack_bytes(codec integer, n integer, raw_length integer, body bytea) RETURNS TABLE(rank integer, item_row integer, score real, source text)
    LANGUAGE plpgsql STABLE STRICT COST 5000 ROWS 100 PARALLEL SAFE
    AS $$
DECLARE
    key    bigint;
    shared bytea;
BEGIN
    IF codec = 1 THEN
        RETURN QUERY SELECT * FROM nearline.unpack_packed(body, n);
    ELSIF codec = 0 THEN
        RETURN QUERY SELECT * FROM nearline.unpack_planes(body, n);
    ELSIF codec = 2 THEN
        RETURN QUERY SELECT * FROM nearline.unpack_planes(nearline.lz4_block(body, raw_length), n);
    ELSE
        key := get_byte(body, 0) | (get_byte(body, 1) << 8) | (get_byte(body, 2) << 16)
            | (get_byte(body, 3)::bigint << 24);
        SELECT bytes INTO shared FROM nearline.payload_dictionary WHERE dictionary = key;
        IF shared IS NULL THEN
            RAISE EXCEPTION 'payload was written with dictionary %, which nearline.payload_dictionary does not have', key
                USING ERRCODE = 'data_corrupted', HINT =
                    'Dictionaries stay as long as payloads of their release: restore the row, or publish again.';
        END IF;
        RETURN QUERY SELECT * FROM nearline.unpack_planes(
            nearline.lz4_block(substring(body FROM 5), raw_length, shared), n);
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.unpack_bytes(codec integer, n integer, raw_length integer, body bytea) IS 'The candidates of codecs 0 to 3, which are made of whole bytes; nearline.unpack calls it.';
CREATE FUNCTION nearline.unpack_packed(packed bytea, n integer) RETURNS TABLE(rank integer, item_row integer, score real, source text)
    LANGUAGE plpgsql IMMUTABLE STRICT COST 5000 ROWS 100 PARALLEL SAFE
    AS $$
DECLARE
    size       int := length(packed);
    row_at     int := (n + 3) / 4;           -- the next byte of the rows
    fall_at    int := (n + 3) / 4 + n;       -- the next byte of the falls
    sources_at int := size - (n + 1) / 2;    -- where the sources begin
    -- A fall that is cut off reads at most these two bytes too many; where it ended tells, in the loop.
    body       bytea := packed || '\x0000'::bytea;
    lengths    int;  -- four 2-bit lengths less one
    extra      int;  -- bytes of a row less one
    fall       int;
    bits       int;  -- sortable bits of the score
BEGIN
    IF n = 0 THEN
        RETURN;
    END IF;
    IF fall_at < size THEN
        FOR i IN 0 .. row_at - 1 LOOP
            lengths := get_byte(body, i);
            IF i = n / 4 THEN
                lengths := lengths & ((1 << (2 * (n % 4))) - 1);
            END IF;
            fall_at := fall_at + (lengths & 3) + ((lengths >> 2) & 3) + ((lengths >> 4) & 3) + (lengths >> 6);
        END LOOP;
    END IF;
    IF fall_at + 2 + n - 1 > sources_at THEN
        RAISE EXCEPTION 'payload of codec 1 with % candidates ends too early: body of % bytes', n, size
            USING ERRCODE = 'data_corrupted',
                HINT = 'The bytes were damaged: publish the release again, or roll back.';
    END IF;
    bits := get_byte(body, fall_at) | (get_byte(body, fall_at + 1) << 8);
    fall_at := fall_at + 2;
    FOR i IN 0 .. n - 1 LOOP
        extra := (get_byte(body, i >> 2) >> ((i & 3) << 1)) & 3;
        item_row := CASE extra
            WHEN 0 THEN get_byte(body, row_at)
            WHEN 1 THEN get_byte(body, row_at) | (get_byte(body, row_at + 1) << 8)
            WHEN 2 THEN get_byte(body, row_at) | (get_byte(body, row_at + 1) << 8)
                | (get_byte(body, row_at + 2) << 16)
            ELSE get_byte(body, row_at) | (get_byte(body, row_at + 1) << 8)
                | (get_byte(body, row_at + 2) << 16) | (get_byte(body, row_at + 3) << 24)
        END;
        row_at := row_at + extra + 1;
        IF i > 0 THEN
            fall := get_byte(body, fall_at);
            fall_at := fall_at + 1;
            IF fall >= 128 THEN
                fall := (fall & 127) | (get_byte(body, fall_at) << 7);
                fall_at := fall_at + 1;
                IF fall >= 16384 THEN
                    fall := (fall & 16383) | (get_byte(body, fall_at) << 14);
                    fall_at := fall_at + 1;
                END IF;
            END IF;
            bits := bits - fall;
        END IF;
        source := nearline.source_label((get_byte(body, sources_at + (i >> 1)) >> ((i & 1) << 2)) & 15);
        IF item_row < 0 OR source IS NULL OR bits NOT BETWEEN 1024 AND 64511 OR fall_at > sources_at THEN
            PERFORM nearline.refuse_candidate(i + 1, item_row, source);
        END IF;
        rank := i + 1;
        score := nearline.half_to_real(bits);
        RETURN NEXT;
    END LOOP;
    IF fall_at <> sources_at THEN
        PERFORM nearline.refuse_candidate(n, 0, '');
    END IF;
END
$$;
COMMENT ON FUNCTION nearline.unpack_packed(packed bytea, n integer) IS 'The candidates of codec 1: StreamVByte rows, LEB128 falls, 4-bit sources; nearline.unpack calls it.';
CREATE FUNCTION nearline.unpack_planes(body bytea, n integer) RETURNS TABLE(rank integer, item_row integer, score real, source text)
    LANGUAGE plpgsql IMMUTABLE STRICT COST 5000 ROWS 100 PARALLEL SAFE
    AS $$
DECLARE
    step int;
    bits int := 0;  -- sortable bits of the score
BEGIN
    FOR i IN 0 .. n - 1 LOOP
        item_row := get_byte(body, i) | (get_byte(body, n + i) << 8) | (get_byte(body, 2 * n + i) << 16)
            | (get_byte(body, 3 * n + i) << 24);
        step := get_byte(body, 4 * n + i) | (get_byte(body, 5 * n + i) << 8);
        bits := CASE i WHEN 0 THEN step ELSE bits - step END;
        source := nearline.source_label(get_byte(body, 6 * n + i));
        -- 1024 to 64511 are the finite scores.
        IF item_row < 0 OR source IS NULL OR bits NOT BETWEEN 1024 AND 64511 THEN
            PERFORM nearline.refuse_candidate(i + 1, item_row, source);
        END IF;
        rank := i + 1;
        score := nearline.half_to_real(bits);
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION nearline.unpack_planes(body bytea, n integer) IS 'The candidates of byte planes, the body of codecs 0, 2 and 3 when decompressed; nearline.unpack calls it.';
CREATE FUNCTION nearline.user_bounds() RETURNS SETOF name
    LANGUAGE sql STABLE
    AS $$
    -- The users at whom shards begin and end, where these are ranges of users.
    SELECT a.attname FROM pg_attribute a
    WHERE a.attrelid = 'nearline.release_shard'::regclass AND a.attname IN ('first_user', 'end_user') AND NOT a.attisdropped
$$;
CREATE FUNCTION nearline.user_tables() RETURNS TABLE(name text, key_type text, release integer, is_list boolean)
    LANGUAGE sql STABLE
    AS $_$
    -- Whatever has a user's key, attached or not: also what a killed build or a prune left.
    SELECT format('nearline.%I', c.relname), format_type(a.atttypid, NULL), substring(c.relname FROM '_r([0-9]+)$')::int,
        c.relname ~ '^candidate_r[0-9]+$'
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'nearline'::regnamespace AND c.relkind = 'r' AND c.relname <> 'forgotten'
    -- First those with the key's own type: the others have it as the database writes that.
    ORDER BY a.atttypid = 'text'::regtype, c.relname
$_$;
CREATE TABLE nearline.candidate (
    user_id bigint NOT NULL,
    release integer NOT NULL,
    payload bytea NOT NULL
)
PARTITION BY LIST (release);
ALTER TABLE ONLY nearline.candidate ALTER COLUMN payload SET STORAGE EXTERNAL;
COMMENT ON TABLE nearline.candidate IS 'One packed list per user and release; nearline.candidates shows them as rows.';
CREATE TABLE nearline.current_release (
    only_row boolean DEFAULT true NOT NULL,
    release integer NOT NULL,
    published_at timestamp with time zone DEFAULT now() NOT NULL,
    transition_build integer,
    CONSTRAINT there_is_one_row CHECK (only_row)
)
WITH (fillfactor='10');
COMMENT ON COLUMN nearline.current_release.transition_build IS 'release.transition_build of the release, kept the same by triggers: what a lookup holds against the names that it has.';
CREATE TABLE nearline."overlay" (
    user_id bigint NOT NULL,
    release integer NOT NULL,
    payload bytea NOT NULL,
    as_of timestamp with time zone NOT NULL
)
PARTITION BY LIST (release);
ALTER TABLE ONLY nearline."overlay" ALTER COLUMN payload SET STORAGE EXTERNAL;
COMMENT ON TABLE nearline."overlay" IS 'Lists made since the release was published, from newer events (as_of); lookups read them first.';
CREATE TABLE nearline.release_item (
    release integer NOT NULL,
    item_row integer NOT NULL,
    item_id bigint NOT NULL,
    lists bigint NOT NULL,
    lists_top_10 bigint NOT NULL,
    cluster integer
)
PARTITION BY LIST (release);
COMMENT ON TABLE nearline.release_item IS 'The items of a release by row, most popular first: in how many lists each stands (in all, in the first ten), and its cluster. Behind those of the model stand items that only clusters know.';
CREATE VIEW nearline.candidates AS
 SELECT l.user_id,
    u.rank,
    i.item_id,
    u.score,
    u.source
   FROM (((( SELECT c.user_id,
            c.release,
            c.payload,
            false AS is_newer
           FROM nearline.candidate c
        UNION ALL
         SELECT o.user_id,
            o.release,
            o.payload,
            true
           FROM nearline."overlay" o) l
     LEFT JOIN nearline."overlay" newer ON (((newer.user_id = l.user_id) AND (NOT l.is_newer) AND (newer.release = ( SELECT current_release.release
           FROM nearline.current_release
          WHERE current_release.only_row)))))
     CROSS JOIN LATERAL nearline.unpack(l.payload) u(rank, item_row, score, source))
     JOIN nearline.release_item i ON (((i.item_row = u.item_row) AND (i.release = ( SELECT current_release.release
           FROM nearline.current_release
          WHERE current_release.only_row)))))
  WHERE ((l.release = ( SELECT current_release.release
           FROM nearline.current_release
          WHERE current_release.only_row)) AND (newer.user_id IS NULL));
COMMENT ON VIEW nearline.candidates IS 'Every place of every list as lookup would answer now, overlay included.';
CREATE TABLE nearline.codebook (
    codebook text NOT NULL,
    bytes bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    learned_from text
);
ALTER TABLE ONLY nearline.codebook ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE nearline.codebook IS 'Centroids that semantic clusters are found by, and which code is which cluster; the key is a hash of the bytes.';
COMMENT ON COLUMN nearline.codebook.learned_from IS 'The column of the items relation whose vectors it was learned from; empty for those of the model, NULL where nobody wrote it down.';
CREATE TABLE nearline.deferred_user (
    user_id text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
COMMENT ON TABLE nearline.deferred_user IS 'Users who found the overlay full: they wait for the next release, or for room.';
CREATE VIEW nearline.exposure AS
 SELECT i.item_id,
    i.lists,
    i.lists_top_10
   FROM nearline.release_item i
  WHERE (i.release = ( SELECT current_release.release
           FROM nearline.current_release
          WHERE current_release.only_row));
COMMENT ON VIEW nearline.exposure IS 'In how many lists of the current release each item stands, counted when it was built.';
CREATE TABLE nearline.fallback (
    release integer NOT NULL,
    payload bytea NOT NULL
);
COMMENT ON TABLE nearline.fallback IS 'The list of a release for users who have none of their own.';
CREATE TABLE nearline.forgotten (
    user_id text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    role text DEFAULT SESSION_USER NOT NULL
);
COMMENT ON TABLE nearline.forgotten IS 'Users whose events are not read any more; the key as text. To take somebody back, delete the row.';
CREATE TABLE nearline.interest (
    build integer NOT NULL,
    key bigint NOT NULL,
    cluster integer NOT NULL,
    hint integer
);
COMMENT ON TABLE nearline.interest IS 'The cluster that a language model expects behind a key (nearline.transition_key), beside those that were counted; hint is the counted one that it was told of.';
CREATE TABLE nearline.interest_answer (
    prompt_hash text NOT NULL,
    model text NOT NULL,
    answer text NOT NULL,
    prompt_tokens integer NOT NULL,
    completion_tokens integer NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT prompt_hash_is_an_xxh3 CHECK ((prompt_hash ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT tokens_are_not_negative CHECK (((prompt_tokens >= 0) AND (completion_tokens >= 0)))
);
COMMENT ON TABLE nearline.interest_answer IS 'Answers of language models as they came, by their prompts; a row that is deleted is asked and paid for again.';
COMMENT ON COLUMN nearline.interest_answer.prompt_hash IS 'XXH3-128 of model, temperature and all messages.';
CREATE TABLE nearline.interest_set (
    build integer NOT NULL,
    model text NOT NULL,
    gave_hint boolean NOT NULL,
    keys bigint NOT NULL,
    judged_keys bigint NOT NULL,
    held_out bigint NOT NULL,
    valid_share real NOT NULL,
    hit_rate real NOT NULL,
    hint_hit_rate real NOT NULL,
    as_hinted real NOT NULL,
    stored_at timestamp with time zone DEFAULT now() NOT NULL,
    role text DEFAULT SESSION_USER NOT NULL
);
COMMENT ON TABLE nearline.interest_set IS 'What a language model expects behind the keys of a build of transitions, and how it was judged before it was taken.';
COMMENT ON COLUMN nearline.interest_set.gave_hint IS 'Whether it was told the most frequent successor of each key.';
COMMENT ON COLUMN nearline.interest_set.held_out IS 'Next clusters after the cut that it was judged by.';
COMMENT ON COLUMN nearline.interest_set.hint_hit_rate IS 'What the most frequent successors alone hit of the same.';
COMMENT ON COLUMN nearline.interest_set.as_hinted IS 'Share of the judged keys where it said what it was told.';
CREATE TABLE nearline.migration (
    number integer NOT NULL,
    name text NOT NULL,
    hash text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE nearline.model (
    model text NOT NULL,
    file text NOT NULL,
    as_of timestamp with time zone NOT NULL,
    vocabulary_hash text NOT NULL,
    item_type text NOT NULL,
    settings jsonb NOT NULL,
    figures jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    removed_at timestamp with time zone
);
COMMENT ON TABLE nearline.model IS 'Trained models: the artifact is the file, this row says where it is and what it saw.';
COMMENT ON COLUMN nearline.model.removed_at IS 'When nearline prune removed the file; NULL while it is there.';
CREATE TABLE nearline.payload_dictionary (
    dictionary bigint NOT NULL,
    bytes bytea NOT NULL,
    CONSTRAINT dictionary_is_the_checksum_of_its_bytes CHECK ((dictionary = nearline.payload_checksum(bytes)))
);
COMMENT ON TABLE nearline.payload_dictionary IS 'What lists of a release share, for payloads of codec 3, which state its key: needed as long as there are such.';
CREATE TABLE nearline.quarantine (
    quarantine bigint NOT NULL,
    run bigint NOT NULL,
    relation text NOT NULL,
    reason text NOT NULL,
    row_text text NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE nearline.quarantine IS 'A capped sample of the rows that a run refused, by reason.';
ALTER TABLE nearline.quarantine ALTER COLUMN quarantine ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME nearline.quarantine_quarantine_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE nearline.watermark (
    name text NOT NULL,
    xid xid8 DEFAULT '0'::xid8 NOT NULL,
    at timestamp with time zone,
    run bigint,
    release integer,
    waits_until timestamp with time zone
)
WITH (fillfactor='50');
COMMENT ON TABLE nearline.watermark IS 'How far the near-line path is.';
COMMENT ON COLUMN nearline.watermark.xid IS 'Whatever transactions below this one did to users is taken in; moves when nothing that can be seen is left to do.';
COMMENT ON COLUMN nearline.watermark.at IS 'Up to when events were read last.';
COMMENT ON COLUMN nearline.watermark.waits_until IS 'While a service sleeps and wants to be woken. An instant and not a flag: that of a killed service runs out.';
CREATE VIEW nearline.refresh_status AS
 SELECT (EXISTS ( SELECT
           FROM pg_trigger t
          WHERE ((t.tgfoid = ('nearline.touch()'::regprocedure)::oid) AND (t.tgenabled <> 'D'::"char")))) AS is_fed,
    q.users_waiting,
    q.oldest_waiting_at,
    (now() - q.oldest_waiting_at) AS oldest_waiting,
    ( SELECT count(*) AS count
           FROM nearline.deferred_user) AS users_deferred,
    w.at AS refreshed_at,
    (now() - w.at) AS refreshed,
    w.run,
    w.release,
    w.xid
   FROM (nearline.watermark w
     CROSS JOIN ( SELECT count(DISTINCT touched.user_id) AS users_waiting,
            min(touched.at) AS oldest_waiting_at
           FROM nearline.touched) q)
  WHERE (w.name = 'refresh'::text);
COMMENT ON VIEW nearline.refresh_status IS 'The near-line path: whether anything feeds it, who waits and since when, who found the overlay full, the last refresh.';
CREATE TABLE nearline.release (
    release integer NOT NULL,
    state text DEFAULT 'building'::text NOT NULL,
    model text NOT NULL,
    as_of timestamp with time zone NOT NULL,
    serve_at timestamp with time zone NOT NULL,
    settings_hash text NOT NULL,
    candidates_per_user integer NOT NULL,
    users bigint,
    items bigint,
    transitions bigint,
    payload_bytes bigint,
    reason text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone,
    pin_reason text,
    pruned_at timestamp with time zone,
    is_unlogged boolean DEFAULT false NOT NULL,
    encoding jsonb DEFAULT '{}'::jsonb NOT NULL,
    dictionary bigint,
    transition_build integer,
    run bigint,
    made_from jsonb DEFAULT '{}'::jsonb NOT NULL,
    logical_date date,
    is_history boolean DEFAULT false NOT NULL,
    CONSTRAINT current_release_is_not_pruned CHECK (((state <> 'current'::text) OR (pruned_at IS NULL))),
    CONSTRAINT failed_release_has_a_reason CHECK (((state <> 'failed'::text) OR (reason IS NOT NULL))),
    CONSTRAINT finished_release_has_counts CHECK (((state = ANY (ARRAY['building'::text, 'failed'::text])) OR ((users IS NOT NULL) AND (items IS NOT NULL)))),
    CONSTRAINT history_is_of_a_day CHECK (((NOT is_history) OR (logical_date IS NOT NULL))),
    CONSTRAINT pinned_release_is_not_pruned CHECK (((pin_reason IS NULL) OR (pruned_at IS NULL))),
    CONSTRAINT release_state_is_known CHECK ((state = ANY (ARRAY['building'::text, 'validated'::text, 'current'::text, 'superseded'::text, 'failed'::text, 'rolled_back'::text])))
);
COMMENT ON TABLE nearline.release IS 'Every release there ever was; of those with pruned_at set only this row is left.';
COMMENT ON COLUMN nearline.release.is_unlogged IS 'True where a crash of the server empties the tables of this release: it has to be made again then.';
COMMENT ON COLUMN nearline.release.encoding IS 'Lists and bytes by payload codec.';
COMMENT ON COLUMN nearline.release.transition_build IS 'The build whose transitions are there; NULL in releases from before builds were recorded.';
COMMENT ON COLUMN nearline.release.run IS 'The run that builds it, or built it last: a later one that goes on with it writes its own number here, and what an earlier one still sends is refused.';
COMMENT ON COLUMN nearline.release.made_from IS 'The parts of settings_hash: model, instants, settings, events; a run that goes on needs the same.';
COMMENT ON COLUMN nearline.release.logical_date IS 'The day (UTC) at whose beginning its events end; NULL where it was made as of another instant.';
COMMENT ON COLUMN nearline.release.is_history IS 'True for a past day''s release that a backfill made: to be looked into, not to be served. It does not wait to be published, and goes with nearline prune --history only.';
CREATE TABLE nearline.release_cluster (
    release integer NOT NULL,
    cluster integer NOT NULL,
    name text NOT NULL,
    items bigint NOT NULL,
    events bigint DEFAULT 0 NOT NULL,
    popular bytea
);
ALTER TABLE ONLY nearline.release_cluster ALTER COLUMN popular SET STORAGE EXTERNAL;
COMMENT ON TABLE nearline.release_cluster IS 'The clusters of a release by name: a category, a seller, or a group found by the model.';
COMMENT ON COLUMN nearline.release_cluster.events IS 'Events with one of its items that were looked at.';
COMMENT ON COLUMN nearline.release_cluster.popular IS 'Its most popular items as a payload; rows are those of release_item, scores their share in the cluster''s events.';
CREATE TABLE nearline.release_event (
    event bigint NOT NULL,
    release integer NOT NULL,
    was text,
    becomes text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    role text DEFAULT SESSION_USER NOT NULL,
    application text DEFAULT current_setting('application_name'::text) NOT NULL,
    reason text
);
COMMENT ON TABLE nearline.release_event IS 'Who moved which release to what, when and why; pins and prunes too. Nothing here is ever changed.';
ALTER TABLE nearline.release_event ALTER COLUMN event ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME nearline.release_event_event_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE nearline.release_gate (
    release integer NOT NULL,
    gate text NOT NULL,
    passed boolean NOT NULL,
    figure text NOT NULL,
    bound text NOT NULL,
    query text NOT NULL,
    checked_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE nearline.release_gate IS 'What was checked before a release could become current: the figure found, the bound, and a query that shows more.';
ALTER TABLE nearline.release ALTER COLUMN release ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME nearline.release_release_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE nearline.release_scene (
    release integer NOT NULL,
    scene integer NOT NULL,
    name text NOT NULL,
    CONSTRAINT release_scene_scene_check CHECK (((scene >= 1) AND (scene <= 65535)))
);
COMMENT ON TABLE nearline.release_scene IS 'The scenes that a release has transitions of their own for.';
CREATE TABLE nearline.release_shard (
    release integer NOT NULL,
    shard integer NOT NULL,
    users bigint DEFAULT 0 NOT NULL,
    payload_bytes bigint DEFAULT 0 NOT NULL,
    written_at timestamp with time zone DEFAULT now() NOT NULL,
    state text DEFAULT 'done'::text NOT NULL,
    first_user text,
    end_user text,
    worker uuid,
    term integer DEFAULT 0 NOT NULL,
    lease_until timestamp with time zone,
    is_pooled boolean DEFAULT false NOT NULL,
    backend_pid integer,
    backend_start timestamp with time zone,
    figures jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT claimed_shard_has_a_holder CHECK (((state <> 'claimed'::text) OR ((worker IS NOT NULL) AND (lease_until IS NOT NULL)))),
    CONSTRAINT shard_state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'claimed'::text, 'done'::text])))
);
COMMENT ON TABLE nearline.release_shard IS 'The ledger of a build: ranges of users, claimed by workers for a minute at a time. A shard is done in the transaction that stores its lists, so that one is there with the other.';
COMMENT ON COLUMN nearline.release_shard.first_user IS 'The first user of the range; NULL begins at the first of all.';
COMMENT ON COLUMN nearline.release_shard.end_user IS 'The user before whom the range ends; NULL ends with the last of all.';
COMMENT ON COLUMN nearline.release_shard.term IS 'Counts the claims: who holds an earlier term can store nothing any more (a fencing token).';
COMMENT ON COLUMN nearline.release_shard.figures IS 'What its worker counted, summed up when the release is whole.';
CREATE VIEW nearline.releases AS
 SELECT r.release,
    r.state,
    r.published_at,
    (now() - r.as_of) AS age,
    r.users,
    r.items,
    r.transitions,
    r.model,
    r.as_of,
    r.serve_at,
    r.pin_reason,
    (( SELECT sum(pg_total_relation_size((c.oid)::regclass)) AS sum
           FROM pg_class c
          WHERE ((c.relnamespace = ('nearline'::regnamespace)::oid) AND (c.relname = ANY (ARRAY[(('candidate_r'::text || r.release))::name, (('overlay_r'::text || r.release))::name, (('transition_r'::text || r.release))::name, (('release_item_r'::text || r.release))::name])))))::bigint AS bytes,
    g.gates_passed,
    g.gates_failed,
    r.created_at,
    r.logical_date,
    r.is_history
   FROM (nearline.release r
     CROSS JOIN LATERAL ( SELECT count(*) FILTER (WHERE g_1.passed) AS gates_passed,
            count(*) FILTER (WHERE (NOT g_1.passed)) AS gates_failed
           FROM nearline.release_gate g_1
          WHERE (g_1.release = r.release)) g)
  WHERE (r.pruned_at IS NULL);
COMMENT ON VIEW nearline.releases IS 'The releases whose tables are there: age of their events, size, gates.';
CREATE TABLE nearline.run (
    run bigint NOT NULL,
    command text NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    worker uuid NOT NULL,
    backend_pid integer NOT NULL,
    backend_start timestamp with time zone,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    input_hash text,
    release integer,
    counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    stage_seconds jsonb DEFAULT '{}'::jsonb NOT NULL,
    peak_bytes bigint,
    error text,
    heartbeat_at timestamp with time zone,
    lease_until timestamp with time zone,
    is_pooled boolean DEFAULT false NOT NULL,
    stage text,
    done bigint,
    total bigint,
    unit text,
    as_of timestamp with time zone,
    serve_at timestamp with time zone,
    model text,
    config_hash text,
    code_version text,
    logical_date date,
    CONSTRAINT run_state_is_known CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'failed'::text, 'stopped'::text, 'lost'::text]))),
    CONSTRAINT running_means_not_ended CHECK (((state = 'running'::text) = (ended_at IS NULL)))
);
COMMENT ON TABLE nearline.run IS 'The ledger: a row before work begins, its end and its counts after.';
COMMENT ON COLUMN nearline.run.lease_until IS 'Renewed every few seconds by the process; one that is frozen or cut off beyond it has lost the run.';
COMMENT ON COLUMN nearline.run.is_pooled IS 'True where a pooler stands between: then the session that booked the run says nothing about its process.';
COMMENT ON COLUMN nearline.run.logical_date IS 'The day (UTC) that the run is for; NULL where none was asked for.';
ALTER TABLE nearline.run ALTER COLUMN run ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME nearline.run_run_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE VIEW nearline.runs AS
 SELECT r.run,
    r.command,
        CASE
            WHEN ((r.state <> 'running'::text) OR nearline.is_alive(r.lease_until, r.is_pooled, r.backend_pid, r.backend_start)) THEN r.state
            ELSE 'lost'::text
        END AS state,
    r.started_at,
    r.ended_at,
    (COALESCE(r.ended_at, now()) - r.started_at) AS took,
    r.stage,
    r.done,
    r.total,
    r.unit,
    p.rate,
    make_interval(secs => (((r.total - r.done))::double precision / NULLIF(p.rate, (0)::double precision))) AS remaining,
    r.heartbeat_at,
    r.release,
    r.counts,
    (( SELECT COALESCE(sum((c.value)::bigint), (0)::numeric) AS "coalesce"
           FROM jsonb_each_text(r.counts) c(key, value)
          WHERE (c.key ~~ 'refused: %'::text)))::bigint AS refused_rows,
    r.stage_seconds,
    r.peak_bytes,
    r.settings,
    r.error,
    r.logical_date
   FROM (nearline.run r
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (r.state = 'running'::text) THEN ((r.done)::double precision / NULLIF(((EXTRACT(epoch FROM (COALESCE(r.heartbeat_at, now()) - r.started_at)))::double precision - ( SELECT COALESCE(sum((s.value)::double precision), (0)::double precision) AS "coalesce"
                       FROM jsonb_each_text(r.stage_seconds) s(key, value))), (0)::double precision))
                    ELSE NULL::double precision
                END AS rate) p);
COMMENT ON VIEW nearline.runs IS 'What ran and runs: lost where nobody will end it, and of one at work its stage, how far it is, rate a second and time left.';
CREATE VIEW nearline.run_status AS
 WITH RECURSIVE commands(command) AS (
         SELECT min(run.command) AS min
           FROM nearline.run
        UNION ALL
         SELECT ( SELECT min(r.command) AS min
                   FROM nearline.run r
                  WHERE (r.command > c_1.command)) AS min
           FROM commands c_1
          WHERE (c_1.command IS NOT NULL)
        )
 SELECT c.command,
    last.run,
    last.state,
    last.started_at,
    last.ended_at,
    last.took,
    good.run AS last_success,
    good.ended_at AS last_success_at,
    good.took AS last_success_took,
    last.refused_rows,
    last.peak_bytes,
    last.error
   FROM ((commands c
     CROSS JOIN LATERAL ( SELECT r.run,
            r.command,
            r.state,
            r.started_at,
            r.ended_at,
            r.took,
            r.stage,
            r.done,
            r.total,
            r.unit,
            r.rate,
            r.remaining,
            r.heartbeat_at,
            r.release,
            r.counts,
            r.refused_rows,
            r.stage_seconds,
            r.peak_bytes,
            r.settings,
            r.error
           FROM nearline.runs r
          WHERE (r.command = c.command)
          ORDER BY r.run DESC
         LIMIT 1) last)
     LEFT JOIN LATERAL ( SELECT r.run,
            r.ended_at,
            (r.ended_at - r.started_at) AS took
           FROM nearline.run r
          WHERE ((r.command = c.command) AND (r.state = 'done'::text))
          ORDER BY r.run DESC
         LIMIT 1) good ON (true));
COMMENT ON VIEW nearline.run_status IS 'Of each command its last run, and the last one that was successful.';
CREATE TABLE nearline.transition_build (
    build integer NOT NULL,
    release integer NOT NULL,
    as_of timestamp with time zone NOT NULL,
    cluster_source text NOT NULL,
    codebook text,
    input_hash text NOT NULL,
    settings jsonb NOT NULL,
    clusters integer NOT NULL,
    keys bigint NOT NULL,
    transitions bigint NOT NULL,
    payload_bytes bigint NOT NULL,
    figures jsonb DEFAULT '{}'::jsonb NOT NULL,
    refresh_hours real,
    reason text,
    built_at timestamp with time zone DEFAULT now() NOT NULL,
    role text DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT cluster_source_is_known CHECK ((cluster_source = ANY (ARRAY['category'::text, 'seller'::text, 'semantic'::text])))
);
COMMENT ON TABLE nearline.transition_build IS 'Every build of transitions: with a release, or later for one that is served. release.transition_build is the one whose rows are there; a build replaces the one before in one transaction.';
COMMENT ON COLUMN nearline.transition_build.transitions IS 'Occurrences of a next cluster that were counted.';
COMMENT ON COLUMN nearline.transition_build.figures IS 'Of clusters (largest share, items that moved...) and of events.';
COMMENT ON COLUMN nearline.transition_build.refresh_hours IS 'After how long a refresh is worth its while, from how fast successors changed; NULL where nothing could be measured.';
COMMENT ON COLUMN nearline.transition_build.reason IS 'Why it was published although a gate failed.';
CREATE VIEW nearline.status AS
 SELECT p.release,
    r.model,
    r.as_of,
    (now() - r.as_of) AS age,
    p.published_at,
    (now() - p.published_at) AS published_age,
    r.users,
    r.items,
    r.transitions,
    r.payload_bytes,
    ((p.release IS NOT NULL) AND ((COALESCE(r.users, (0)::bigint) = 0) OR nearline.has_lists(p.release))) AS has_lists,
    ( SELECT count(*) AS count
           FROM nearline.release_gate g
          WHERE ((g.release = p.release) AND (NOT g.passed))) AS gates_failed,
    b.build AS transition_build,
    b.as_of AS transitions_as_of,
    (now() - b.as_of) AS transitions_age,
    b.built_at AS transitions_built_at,
    nearline.overlay_users(p.release) AS overlay_users,
    ARRAY( SELECT u.release
           FROM nearline.release u
          WHERE (u.state = 'building'::text)
          ORDER BY u.release) AS unfinished_releases,
    w.release AS waiting_release,
    ( SELECT count(*) AS count
           FROM nearline.release_gate g
          WHERE ((g.release = w.release) AND (NOT g.passed))) AS waiting_gates_failed,
    ( SELECT count(*) AS count
           FROM nearline.runs n
          WHERE ((n.ended_at IS NULL) AND (n.state = 'running'::text))) AS runs_at_work,
    (( SELECT count(*) AS count
           FROM nearline.run n
          WHERE ((n.state = 'lost'::text) AND (n.ended_at > (now() - '1 day'::interval)))) + ( SELECT count(*) AS count
           FROM nearline.runs n
          WHERE ((n.ended_at IS NULL) AND (n.state = 'lost'::text)))) AS runs_lost,
    ( SELECT max(m.number) AS max
           FROM nearline.migration m) AS migration
   FROM ((((( SELECT) here
     LEFT JOIN nearline.current_release p ON (p.only_row))
     LEFT JOIN nearline.release r ON ((r.release = p.release)))
     LEFT JOIN nearline.transition_build b ON ((b.build = r.transition_build)))
     LEFT JOIN LATERAL ( SELECT max(v.release) AS release
           FROM nearline.release v
          WHERE ((v.state = 'validated'::text) AND (NOT v.is_history) AND (v.pruned_at IS NULL) AND (v.release > COALESCE(p.release, 0)))) w ON (true));
COMMENT ON VIEW nearline.status IS 'One row, whether there is a release or not: what is served and how old it is, what waits or was left unfinished, runs at work and lost (the last day''s), use of the overlay.';
ALTER TABLE nearline.touched ALTER COLUMN touch ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME nearline.touched_touch_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE nearline.transition (
    key bigint NOT NULL,
    release integer NOT NULL,
    payload bytea NOT NULL,
    support bigint DEFAULT 0 NOT NULL,
    detail bytea
)
PARTITION BY LIST (release);
ALTER TABLE ONLY nearline.transition ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE ONLY nearline.transition ALTER COLUMN detail SET STORAGE EXTERNAL;
COMMENT ON TABLE nearline.transition IS 'For the last clusters of a user (nearline.transition_key), the clusters that most often come next.';
COMMENT ON COLUMN nearline.transition.support IS 'How often the key was seen with anything behind it.';
COMMENT ON COLUMN nearline.transition.detail IS 'Support and trend of each successor, in the order of the payload: nearline.transition_detail shows them.';
ALTER TABLE nearline.transition_build ALTER COLUMN build ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME nearline.transition_build_build_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE nearline.transition_churn (
    build integer NOT NULL,
    against text NOT NULL,
    support text NOT NULL,
    keys bigint NOT NULL,
    iou real NOT NULL
);
COMMENT ON TABLE nearline.transition_churn IS 'How much the five most probable successors of a key have in common with those of the build before, or with those of some days earlier: intersection over union, the mean over keys, by how often a key was seen.';
CREATE VIEW nearline.transition_builds AS
 SELECT b.build,
    b.release,
    (b.build = r.transition_build) AS is_there,
    (r.state = 'current'::text) AS is_current_release,
    (now() - b.as_of) AS age,
    b.as_of,
    b.built_at,
    b.cluster_source,
    b.clusters,
    b.keys,
    b.transitions,
    b.payload_bytes,
    c.iou AS iou_before,
    b.refresh_hours,
    b.role,
    b.reason
   FROM ((nearline.transition_build b
     JOIN nearline.release r USING (release))
     LEFT JOIN nearline.transition_churn c ON (((c.build = b.build) AND (c.against = 'build before'::text) AND (c.support = 'all'::text))));
COMMENT ON VIEW nearline.transition_builds IS 'Builds of transitions: age of their events, size, and what their successors share with the build before.';
CREATE VIEW nearline.transitions AS
 SELECT a.name AS older,
    b.name AS latest,
    u.rank,
    n.name AS cluster,
    u.score AS probability,
    d.support,
    d.trend,
    z.name AS oldest,
    s.name AS scene,
    t.support AS key_support
   FROM (((((((nearline.transition t
     LEFT JOIN nearline.release_cluster z ON (((z.cluster = nearline.transition_oldest(t.key)) AND (z.release = t.release))))
     LEFT JOIN nearline.release_cluster a ON (((a.cluster = nearline.transition_older(t.key)) AND (a.release = t.release))))
     LEFT JOIN nearline.release_cluster b ON (((b.cluster = nearline.transition_latest(t.key)) AND (b.release = t.release))))
     LEFT JOIN nearline.release_scene s ON (((s.scene = nearline.transition_scene(t.key)) AND (s.release = t.release))))
     CROSS JOIN LATERAL nearline.unpack(t.payload) u(rank, item_row, score, source))
     JOIN nearline.release_cluster n ON (((n.cluster = u.item_row) AND (n.release = t.release))))
     LEFT JOIN LATERAL nearline.transition_detail(t.detail) d(rank, support, trend) ON ((d.rank = u.rank)))
  WHERE (t.release = ( SELECT current_release.release
           FROM nearline.current_release
          WHERE current_release.only_row));
COMMENT ON VIEW nearline.transitions IS 'Every transition of the current release by name; older is NULL in keys of one cluster, both are in everybody''s.';
ALTER TABLE ONLY nearline.release_cluster
    ADD CONSTRAINT cluster_names_of_a_release_differ UNIQUE (release, name);
ALTER TABLE ONLY nearline.codebook
    ADD CONSTRAINT codebook_pkey PRIMARY KEY (codebook);
ALTER TABLE ONLY nearline.current_release
    ADD CONSTRAINT current_release_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY nearline.deferred_user
    ADD CONSTRAINT deferred_user_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY nearline.fallback
    ADD CONSTRAINT fallback_pkey PRIMARY KEY (release);
ALTER TABLE ONLY nearline.forgotten
    ADD CONSTRAINT forgotten_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY nearline.interest_answer
    ADD CONSTRAINT interest_answer_pkey PRIMARY KEY (prompt_hash);
ALTER TABLE ONLY nearline.interest
    ADD CONSTRAINT interest_pkey PRIMARY KEY (build, key);
ALTER TABLE ONLY nearline.interest_set
    ADD CONSTRAINT interest_set_pkey PRIMARY KEY (build);
ALTER TABLE ONLY nearline.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);
ALTER TABLE ONLY nearline.model
    ADD CONSTRAINT model_pkey PRIMARY KEY (model);
ALTER TABLE ONLY nearline.payload_dictionary
    ADD CONSTRAINT payload_dictionary_pkey PRIMARY KEY (dictionary);
ALTER TABLE ONLY nearline.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (quarantine);
ALTER TABLE ONLY nearline.release_cluster
    ADD CONSTRAINT release_cluster_pkey PRIMARY KEY (release, cluster);
ALTER TABLE ONLY nearline.release_event
    ADD CONSTRAINT release_event_pkey PRIMARY KEY (event);
ALTER TABLE ONLY nearline.release_gate
    ADD CONSTRAINT release_gate_pkey PRIMARY KEY (release, gate);
ALTER TABLE ONLY nearline.release
    ADD CONSTRAINT release_pkey PRIMARY KEY (release);
ALTER TABLE ONLY nearline.release_scene
    ADD CONSTRAINT release_scene_pkey PRIMARY KEY (release, scene);
ALTER TABLE ONLY nearline.release_shard
    ADD CONSTRAINT release_shard_pkey PRIMARY KEY (release, shard);
ALTER TABLE ONLY nearline.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (run);
ALTER TABLE ONLY nearline.release_scene
    ADD CONSTRAINT scene_names_of_a_release_differ UNIQUE (release, name);
ALTER TABLE ONLY nearline.touched
    ADD CONSTRAINT touched_pkey PRIMARY KEY (touch);
ALTER TABLE ONLY nearline.transition_build
    ADD CONSTRAINT transition_build_pkey PRIMARY KEY (build);
ALTER TABLE ONLY nearline.transition_churn
    ADD CONSTRAINT transition_churn_pkey PRIMARY KEY (build, against, support);
ALTER TABLE ONLY nearline.watermark
    ADD CONSTRAINT watermark_pkey PRIMARY KEY (name);
CREATE UNIQUE INDEX one_running_run_per_command ON nearline.run USING btree (command) WHERE (state = 'running'::text);
CREATE UNIQUE INDEX only_one_release_is_current ON nearline.release USING btree (state) WHERE (state = 'current'::text);
CREATE INDEX release_by_date ON nearline.release USING btree (logical_date) WHERE (logical_date IS NOT NULL);
CREATE INDEX release_event_by_release ON nearline.release_event USING btree (release);
CREATE INDEX run_at_work ON nearline.run USING btree (run) WHERE (ended_at IS NULL);
CREATE INDEX run_by_command ON nearline.run USING btree (command, run DESC);
CREATE INDEX run_that_was_lost ON nearline.run USING btree (ended_at) WHERE (state = 'lost'::text);
CREATE INDEX touched_by_xid ON nearline.touched USING btree (xid, touch);
CREATE INDEX transition_build_by_release ON nearline.transition_build USING btree (release);
CREATE TRIGGER only_the_owner_forces_a_release BEFORE UPDATE ON nearline.release FOR EACH ROW WHEN (((new.state = 'current'::text) AND ((old.state = 'rolled_back'::text) OR ((old.state = 'validated'::text) AND nearline.has_failed_gates(old.release))))) EXECUTE FUNCTION nearline.require_owner_to_force();
CREATE TRIGGER only_the_owner_forces_transitions BEFORE INSERT ON nearline.transition_build FOR EACH ROW WHEN ((new.reason IS NOT NULL)) EXECUTE FUNCTION nearline.require_owner_to_force();
CREATE TRIGGER pointer_follows_the_build AFTER UPDATE OF transition_build ON nearline.release FOR EACH ROW WHEN ((old.transition_build IS DISTINCT FROM new.transition_build)) EXECUTE FUNCTION nearline.hand_on_transition_build();
CREATE TRIGGER pointer_takes_the_build BEFORE INSERT OR UPDATE OF release ON nearline.current_release FOR EACH ROW EXECUTE FUNCTION nearline.take_transition_build();
CREATE TRIGGER release_state_is_recorded AFTER INSERT OR UPDATE ON nearline.release FOR EACH ROW EXECUTE FUNCTION nearline.record_release_state();
ALTER TABLE ONLY nearline.current_release
    ADD CONSTRAINT current_release_release_fkey FOREIGN KEY (release) REFERENCES nearline.release(release);
ALTER TABLE ONLY nearline.fallback
    ADD CONSTRAINT fallback_release_fkey FOREIGN KEY (release) REFERENCES nearline.release(release) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.interest
    ADD CONSTRAINT interest_build_fkey FOREIGN KEY (build) REFERENCES nearline.interest_set(build) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.interest_set
    ADD CONSTRAINT interest_set_build_fkey FOREIGN KEY (build) REFERENCES nearline.transition_build(build) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.quarantine
    ADD CONSTRAINT quarantine_run_fkey FOREIGN KEY (run) REFERENCES nearline.run(run) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.release_cluster
    ADD CONSTRAINT release_cluster_release_fkey FOREIGN KEY (release) REFERENCES nearline.release(release) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.release
    ADD CONSTRAINT release_dictionary_fkey FOREIGN KEY (dictionary) REFERENCES nearline.payload_dictionary(dictionary);
ALTER TABLE ONLY nearline.release_event
    ADD CONSTRAINT release_event_release_fkey FOREIGN KEY (release) REFERENCES nearline.release(release) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.release_gate
    ADD CONSTRAINT release_gate_release_fkey FOREIGN KEY (release) REFERENCES nearline.release(release) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.release
    ADD CONSTRAINT release_model_fkey FOREIGN KEY (model) REFERENCES nearline.model(model);
ALTER TABLE ONLY nearline.release
    ADD CONSTRAINT release_run_fkey FOREIGN KEY (run) REFERENCES nearline.run(run) ON DELETE SET NULL;
ALTER TABLE ONLY nearline.release_scene
    ADD CONSTRAINT release_scene_release_fkey FOREIGN KEY (release) REFERENCES nearline.release(release) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.release_shard
    ADD CONSTRAINT release_shard_release_fkey FOREIGN KEY (release) REFERENCES nearline.release(release) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.release
    ADD CONSTRAINT release_transition_build_fkey FOREIGN KEY (transition_build) REFERENCES nearline.transition_build(build) ON DELETE SET NULL;
ALTER TABLE ONLY nearline.run
    ADD CONSTRAINT run_release_fkey FOREIGN KEY (release) REFERENCES nearline.release(release) ON DELETE SET NULL;
ALTER TABLE ONLY nearline.transition_build
    ADD CONSTRAINT transition_build_codebook_fkey FOREIGN KEY (codebook) REFERENCES nearline.codebook(codebook);
ALTER TABLE ONLY nearline.transition_build
    ADD CONSTRAINT transition_build_release_fkey FOREIGN KEY (release) REFERENCES nearline.release(release) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.transition_churn
    ADD CONSTRAINT transition_churn_build_fkey FOREIGN KEY (build) REFERENCES nearline.transition_build(build) ON DELETE CASCADE;
ALTER TABLE ONLY nearline.watermark
    ADD CONSTRAINT watermark_release_fkey FOREIGN KEY (release) REFERENCES nearline.release(release);
ALTER TABLE ONLY nearline.watermark
    ADD CONSTRAINT watermark_run_fkey FOREIGN KEY (run) REFERENCES nearline.run(run) ON DELETE SET NULL;
