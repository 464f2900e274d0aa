-- 0005_release_states.sql: how releases change state and who moved them, gates, shards, overlays, pins, readers.
ALTER TABLE nearline.release
    ADD COLUMN pin_reason  text,
    ADD COLUMN pruned_at   timestamptz,
    ADD COLUMN is_unlogged boolean NOT NULL DEFAULT false,
    ADD COLUMN encoding    jsonb   NOT NULL DEFAULT '{}',
    ADD COLUMN dictionary  bigint  REFERENCES nearline.payload_dictionary,
    ADD CONSTRAINT current_release_is_not_pruned CHECK (state <> 'current' OR pruned_at IS NULL),
    ADD CONSTRAINT pinned_release_is_not_pruned CHECK (pin_reason IS NULL OR pruned_at IS NULL);
COMMENT ON TABLE nearline.release IS
    'Every release there ever was; of those with pruned_at set only this row is left.';
COMMENT ON COLUMN nearline.release.encoding IS 'Lists and bytes by payload codec.';
COMMENT ON COLUMN nearline.release.is_unlogged IS
    'True where a crash of the server empties the tables of this release: it has to be made again then.';

CREATE TABLE nearline.release_event (
    event       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    release     int         NOT NULL REFERENCES nearline.release ON DELETE CASCADE,
    was         text,
    becomes     text        NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    role        text        NOT NULL DEFAULT session_user,
    application text        NOT NULL DEFAULT current_setting('application_name'),
    reason      text
);
CREATE INDEX release_event_by_release ON nearline.release_event (release);
COMMENT ON TABLE nearline.release_event IS
    'Who moved which release to what, when and why; pins and prunes too. Nothing here is ever changed.';

-- A trigger and not the program: what somebody does by hand is held to the same rules, and is in the same book.
CREATE FUNCTION nearline.record_release_state() RETURNS trigger
LANGUAGE plpgsql AS $$
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
CREATE TRIGGER release_state_is_recorded AFTER INSERT OR UPDATE ON nearline.release
    FOR EACH ROW EXECUTE FUNCTION nearline.record_release_state();

CREATE TABLE nearline.release_gate (
    release    int         NOT NULL REFERENCES nearline.release ON DELETE CASCADE,
    gate       text        NOT NULL,
    passed     boolean     NOT NULL,
    figure     text        NOT NULL,
    bound      text        NOT NULL,
    query      text        NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (release, gate)
);
COMMENT ON TABLE nearline.release_gate IS
    'What was checked before a release could become current: the figure found, the bound, and a query that shows more.';

CREATE TABLE nearline.release_shard (
    release       int         NOT NULL REFERENCES nearline.release ON DELETE CASCADE,
    shard         int         NOT NULL,
    users         bigint      NOT NULL,
    payload_bytes bigint      NOT NULL,
    written_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (release, shard)
);
COMMENT ON TABLE nearline.release_shard IS
    'The ledger of a build: written in the transaction that stores the shard''s lists, so that one is there with the other.';

CREATE VIEW nearline.releases AS
    SELECT r.release, r.state, r.published_at, now() - r.as_of AS age, r.users, r.items, r.transitions, r.model, r.as_of,
        r.serve_at, r.pin_reason, (
            SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
            WHERE c.relnamespace = 'nearline'::regnamespace AND c.relname IN (
                'candidate_r' || r.release, 'overlay_r' || r.release, 'transition_r' || r.release,
                'release_item_r' || r.release)
        )::bigint AS bytes, g.gates_passed, g.gates_failed, r.created_at
    FROM nearline.release r
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE passed) AS gates_passed, count(*) FILTER (WHERE NOT passed) AS gates_failed
        FROM nearline.release_gate g WHERE g.release = r.release
    ) g
    WHERE r.pruned_at IS NULL;
COMMENT ON VIEW nearline.releases IS 'The releases whose tables are there: age of their events, size, gates.';

CREATE FUNCTION nearline.transition_older(key bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif((key >> 32)::int - 1, -1)
$$;
CREATE FUNCTION nearline.transition_latest(key bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif((key & 4294967295)::int - 1, -1)
$$;
COMMENT ON FUNCTION nearline.transition_older(bigint) IS 'The older cluster of a key; NULL where it has none.';
COMMENT ON FUNCTION nearline.transition_latest(bigint) IS 'The latest cluster of a key; NULL in the key of everybody.';

CREATE VIEW nearline.transitions AS
    SELECT a.name AS older, b.name AS latest, u.rank, n.name AS cluster, u.score AS probability
    FROM nearline.transition t
    LEFT JOIN nearline.release_cluster a ON a.cluster = nearline.transition_older(t.key) AND a.release = t.release
    LEFT JOIN nearline.release_cluster b ON b.cluster = nearline.transition_latest(t.key) AND b.release = t.release
    CROSS JOIN LATERAL nearline.unpack(t.payload) u
    JOIN nearline.release_cluster n ON n.cluster = u.item_row AND n.release = t.release
    WHERE t.release = (SELECT release FROM nearline.current_release WHERE only_row);
COMMENT ON VIEW nearline.transitions IS
    'Every transition of the current release by name; older is NULL in keys of one cluster, both are in everybody''s.';

-- Leaves are read by name too (NearlineClient), and a partition does not take over the grants of its parent.
CREATE FUNCTION nearline.copy_grants(parent regclass, leaf regclass) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT a.grantee::regrole AS grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = parent AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner AND a.grantee <> 0
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %s', leaf, given.grantee);
    END LOOP;
END
$$;

CREATE FUNCTION nearline.grant_reader(reader name) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    readable CONSTANT text[] := ARRAY[
        'current_release', 'release', 'release_cluster', 'fallback', 'payload_dictionary', 'candidate', 'overlay',
        'transition', 'release_item', 'candidates', 'exposure', 'transitions', 'releases', 'release_gate', 'migration'];
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
COMMENT ON FUNCTION nearline.grant_reader(name) IS
    'Lets a role call the lookups and read the result tables and views, now and in later releases, and nothing else.';
REVOKE EXECUTE ON FUNCTION nearline.grant_reader(name), nearline.copy_grants(regclass, regclass),
    nearline.create_result_tables(regtype, regtype), nearline.record_release_state() FROM PUBLIC;

CREATE FUNCTION nearline.in_sample(key text, share double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT share >= 1 OR (hashtextextended(key, 0) & 2147483647) < share * 2147483648
$$;
COMMENT ON FUNCTION nearline.in_sample(text, double precision) IS
    'Whether a key belongs to a share of all keys: by its hash, so it is the same users every night, and all of them at 1.';

-- The lookups and views whose columns have the source's own key types.
CREATE FUNCTION nearline.create_result_functions(user_type text, item_type text) RETURNS void
LANGUAGE plpgsql AS $create$
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
$create$;
REVOKE EXECUTE ON FUNCTION nearline.create_result_functions(text, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION nearline.create_result_tables(user_type regtype, item_type regtype) RETURNS void
LANGUAGE plpgsql AS $create$
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
$create$;

-- A database that has releases already: give it the overlay, and each of its releases an empty one.
DO $$
DECLARE
    user_found regtype;
    item_found regtype;
    number     int;
BEGIN
    SELECT atttypid INTO user_found FROM pg_attribute
    WHERE attrelid = to_regclass('nearline.candidate') AND attname = 'user_id';
    IF user_found IS NULL THEN
        RETURN;
    END IF;
    SELECT atttypid INTO item_found FROM pg_attribute
    WHERE attrelid = to_regclass('nearline.release_item') AND attname = 'item_id';
    PERFORM nearline.create_result_tables(user_found, item_found);
    FOR number IN
        SELECT release FROM nearline.release
        WHERE to_regclass('nearline.candidate_r' || release) IS NOT NULL AND state NOT IN ('building', 'failed')
    LOOP
        EXECUTE format('CREATE TABLE nearline.overlay_r%1$s PARTITION OF nearline.overlay (PRIMARY KEY (user_id))
            FOR VALUES IN (%1$s)', number);
        INSERT INTO nearline.release_shard (release, shard, users, payload_bytes)
        SELECT r.release, 0, r.users, coalesce(r.payload_bytes, 0) FROM nearline.release r WHERE r.release = number;
    END LOOP;
    INSERT INTO nearline.release_event (release, becomes, reason)
    SELECT r.release, r.state, 'it was there before this was recorded' FROM nearline.release r;
    UPDATE nearline.release SET pruned_at = now() WHERE state = 'failed';
END
$$;
