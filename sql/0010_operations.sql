-- 0010_operations.sql: what operators ask (runs, status), roles with least privilege, and users who are to be forgotten.

-- Few of very many runs (a refresh books one a minute) are looked for, and often.
CREATE INDEX run_by_command ON nearline.run (command, run DESC);
CREATE INDEX run_that_was_lost ON nearline.run (ended_at) WHERE state = 'lost';
CREATE INDEX run_at_work ON nearline.run (run) WHERE ended_at IS NULL;

CREATE VIEW nearline.runs AS
    SELECT r.run, r.command,
        -- Nobody will end a run whose lease has passed, or whose session has gone.
        CASE WHEN r.state <> 'running'
            OR nearline.is_alive(r.lease_until, r.is_pooled, r.backend_pid, r.backend_start) THEN r.state ELSE 'lost' END
            AS state,
        r.started_at, r.ended_at, coalesce(r.ended_at, now()) - r.started_at AS took, r.stage, r.done, r.total, r.unit,
        p.rate, make_interval(secs => (r.total - r.done) / nullif(p.rate, 0)) AS remaining, r.heartbeat_at,
        r.release, r.counts, (
            SELECT coalesce(sum(c.value::bigint), 0) FROM jsonb_each_text(r.counts) c WHERE c.key LIKE 'refused: %'
        )::bigint AS refused_rows, r.stage_seconds, r.peak_bytes, r.settings, r.error
    FROM nearline.run r
    CROSS JOIN LATERAL (
        -- Since the stage began: behind all those that have ended.
        SELECT CASE WHEN r.state = 'running' THEN r.done / nullif(
            extract(epoch FROM coalesce(r.heartbeat_at, now()) - r.started_at)::float8
                - (SELECT coalesce(sum(s.value::float8), 0) FROM jsonb_each_text(r.stage_seconds) s), 0) END AS rate
    ) p;
COMMENT ON VIEW nearline.runs IS
    'What ran and runs: lost where nobody will end it, and of one at work its stage, how far it is, rate a second and time '
    'left.';

CREATE VIEW nearline.run_status AS
    WITH RECURSIVE commands (command) AS (
        -- One probe of the index for each command, whatever the number of runs.
        SELECT min(command) FROM nearline.run
        UNION ALL
        SELECT (SELECT min(r.command) FROM nearline.run r WHERE r.command > c.command) FROM commands c
        WHERE c.command IS NOT NULL
    )
    SELECT c.command, last.run, last.state, last.started_at, last.ended_at, last.took, good.run AS last_success,
        good.ended_at AS last_success_at, good.took AS last_success_took, last.refused_rows, last.peak_bytes, last.error
    FROM commands c
    CROSS JOIN LATERAL (SELECT * FROM nearline.runs r WHERE r.command = c.command ORDER BY r.run DESC LIMIT 1) last
    LEFT JOIN LATERAL (
        SELECT r.run, r.ended_at, r.ended_at - r.started_at AS took FROM nearline.run r
        WHERE r.command = c.command AND r.state = 'done' ORDER BY r.run DESC LIMIT 1
    ) good ON true;
COMMENT ON VIEW nearline.run_status IS 'Of each command its last run, and the last one that was successful.';

-- The result tables have the source's key types: until the first release there are none.
CREATE FUNCTION nearline.has_lists(wanted_release int) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found boolean := false;
BEGIN
    IF to_regclass('nearline.candidate') IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM nearline.candidate WHERE release = $1)' INTO found USING wanted_release;
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION nearline.has_lists(int) IS
    'Whether there is any list of a release: a crash of the server empties an unlogged one without a word.';

CREATE FUNCTION nearline.overlay_users(wanted_release int) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found bigint := 0;
BEGIN
    IF to_regclass('nearline.overlay') IS NOT NULL THEN
        EXECUTE 'SELECT count(*) FROM nearline.overlay WHERE release = $1' INTO found USING wanted_release;
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION nearline.overlay_users(int) IS 'Users of a release whose lists were made anew since it was published.';

CREATE VIEW nearline.status AS
    SELECT p.release, r.model, r.as_of, now() - r.as_of AS age, p.published_at, now() - p.published_at AS published_age,
        r.users, r.items, r.transitions, r.payload_bytes,
        p.release IS NOT NULL AND (coalesce(r.users, 0) = 0 OR nearline.has_lists(p.release)) AS has_lists,
        (SELECT count(*) FROM nearline.release_gate g WHERE g.release = p.release AND NOT g.passed) AS gates_failed,
        b.build AS transition_build, b.as_of AS transitions_as_of, now() - b.as_of AS transitions_age,
        b.built_at AS transitions_built_at, nearline.overlay_users(p.release) AS overlay_users,
        ARRAY(SELECT u.release FROM nearline.release u WHERE u.state = 'building' ORDER BY 1) AS unfinished_releases,
        w.release AS waiting_release,
        (SELECT count(*) FROM nearline.release_gate g WHERE g.release = w.release AND NOT g.passed)
            AS waiting_gates_failed,
        (SELECT count(*) FROM nearline.runs n WHERE n.ended_at IS NULL AND n.state = 'running') AS runs_at_work,
        (SELECT count(*) FROM nearline.run n WHERE n.state = 'lost' AND n.ended_at > now() - interval '1 day')
            + (SELECT count(*) FROM nearline.runs n WHERE n.ended_at IS NULL AND n.state = 'lost') AS runs_lost,
        (SELECT max(m.number) FROM nearline.migration m) AS migration
    FROM (SELECT) AS here
    LEFT JOIN nearline.current_release p ON p.only_row
    LEFT JOIN nearline.release r ON r.release = p.release
    LEFT JOIN nearline.transition_build b ON b.build = r.transition_build
    LEFT JOIN LATERAL (
        SELECT max(v.release) AS release FROM nearline.release v
        WHERE v.state = 'validated' AND v.pruned_at IS NULL AND v.release > coalesce(p.release, 0)
    ) w ON true;
COMMENT ON VIEW nearline.status IS
    'One row, whether there is a release or not: what is served and how old it is, what waits or was left unfinished, '
    'runs at work and lost (the last day''s), use of the overlay.';
REVOKE EXECUTE ON FUNCTION nearline.has_lists(int), nearline.overlay_users(int) FROM PUBLIC;

-- Roles. They belong to the cluster, and their members log in: CREATE ROLE night LOGIN IN ROLE nearline_worker.
--
-- Whoever detaches, vacuums and drops a table has to own it: so the worker owns the four partitioned tables and their
-- leaves, and of the rest has just what its commands write. Everything else is the admin's.
CREATE FUNCTION nearline.create_roles() RETURNS void
LANGUAGE plpgsql AS $$
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
COMMENT ON FUNCTION nearline.create_roles() IS
    'Makes nearline_reader, nearline_worker and nearline_admin where they are missing, and gives them their rights here.';

CREATE FUNCTION nearline.has_roles() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner
        WHERE n.nspname = 'nearline' AND o.rolname = 'nearline_admin')
$$;
COMMENT ON FUNCTION nearline.has_roles() IS 'Whether create_roles was called in this database.';

-- Not for long: readers wait behind whoever waits to change an owner.
CREATE FUNCTION nearline.grant_roles() RETURNS void
LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
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
$$;
COMMENT ON FUNCTION nearline.grant_roles() IS
    'Gives the three roles their rights on what is here now: after create_roles, and after each migration.';

-- The worker adds to this book by changing a release, and in no other way.
ALTER FUNCTION nearline.record_release_state() SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

-- A worker who makes the first release gets result tables that are as those of everybody else.
CREATE OR REPLACE FUNCTION nearline.create_result_tables(user_type regtype, item_type regtype) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- A new leaf belongs to whoever made it, one login of several: it goes to the owner of its parent.
CREATE OR REPLACE FUNCTION nearline.copy_grants(parent regclass, leaf regclass) RETURNS void
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
    FOR given IN
        SELECT p.relowner::regrole AS owner FROM pg_class p, pg_class l
        WHERE p.oid = parent AND p.relkind = 'p' AND l.oid = leaf AND l.relkind = 'r' AND l.relowner <> p.relowner
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO %s', leaf, given.owner);
    END LOOP;
END
$$;

-- Going past the gates is for those who own the book of releases: with roles nearline_admin.
CREATE FUNCTION nearline.require_owner_to_force() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'nearline.release'::regclass) THEN
        RAISE EXCEPTION 'role % may not go past the gates', current_user
            USING ERRCODE = 'insufficient_privilege', HINT = 'Have a member of nearline_admin do it.';
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION nearline.has_failed_gates(wanted_release int) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM nearline.release_gate g WHERE g.release = wanted_release AND NOT g.passed)
$$;
CREATE TRIGGER only_the_owner_forces_a_release BEFORE UPDATE ON nearline.release
    FOR EACH ROW
    WHEN (NEW.state = 'current' AND (OLD.state = 'rolled_back'
        OR OLD.state = 'validated' AND nearline.has_failed_gates(OLD.release)))
    EXECUTE FUNCTION nearline.require_owner_to_force();
CREATE TRIGGER only_the_owner_forces_transitions BEFORE INSERT ON nearline.transition_build
    FOR EACH ROW WHEN (NEW.reason IS NOT NULL) EXECUTE FUNCTION nearline.require_owner_to_force();
REVOKE EXECUTE ON FUNCTION nearline.create_roles(), nearline.grant_roles(), nearline.has_roles(),
    nearline.create_result_tables(regtype, regtype), nearline.copy_grants(regclass, regclass),
    nearline.require_owner_to_force(), nearline.has_failed_gates(int) FROM PUBLIC;

-- Users who are to be forgotten. Their events may still be in the source: no reader of events reads them.
CREATE TABLE nearline.forgotten (
    user_id text        PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    role    text        NOT NULL DEFAULT session_user
);
COMMENT ON TABLE nearline.forgotten IS
    'Users whose events are not read any more; the key as text. To take somebody back, delete the row.';

CREATE FUNCTION nearline.is_named_in(user_id text, words text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- As a word of its own, as it is or with the doubled quotes of a CSV file.
    SELECT words ~ ('(^|[^[:alnum:]_-])(' || regexp_replace(user_id, '([^[:alnum:]])', '\\\1', 'g') || '|'
        || regexp_replace(replace(user_id, '"', '""'), '([^[:alnum:]])', '\\\1', 'g') || ')($|[^[:alnum:]_-])')
$$;

CREATE FUNCTION nearline.user_tables() RETURNS TABLE (name text, key_type text, release int, is_list boolean)
LANGUAGE sql STABLE AS $$
    -- Whatever has a user's key, attached or not: also what a killed build or a prune left.
    SELECT format('nearline.%I', c.relname), format_type(a.atttypid, NULL), substring(c.relname FROM '_r([0-9]+)$')::int,
        c.relname ~ '^candidate_r[0-9]+$'
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'nearline'::regnamespace AND c.relkind = 'r' AND c.relname <> 'forgotten'
    -- First those with the key's own type: the others have it as the database writes that.
    ORDER BY a.atttypid = 'text'::regtype, c.relname
$$;

CREATE FUNCTION nearline.user_bounds() RETURNS SETOF name
LANGUAGE sql STABLE AS $$
    -- The users at whom shards begin and end, where these are ranges of users.
    SELECT a.attname FROM pg_attribute a
    WHERE a.attrelid = 'nearline.release_shard'::regclass AND a.attname IN ('first_user', 'end_user') AND NOT a.attisdropped
$$;

CREATE FUNCTION nearline.traces_of(wanted text) RETURNS TABLE (place text, rows bigint)
LANGUAGE plpgsql STABLE AS $$
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
$$;
COMMENT ON FUNCTION nearline.traces_of(text) IS
    'In how many rows of each table a user is: after nearline.forget nowhere, which is the proof.';

-- Not for long: signs of life of runs wait behind whoever waits for the book of runs.
CREATE FUNCTION nearline.forget(wanted text) RETURNS TABLE (place text, rows bigint)
LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
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
$$;
COMMENT ON FUNCTION nearline.forget(text) IS
    'Removes a user from every release, overlay and quarantine, and keeps their events from being read again; answers with '
    'the rows removed from each table. nearline forget also vacuums, and rewrites snapshot files.';

-- What a release states of itself has to be what it holds, or its gates would refuse it.
CREATE FUNCTION nearline.discount(wanted_release int, list bytea) RETURNS void
LANGUAGE plpgsql AS $$
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
$$;
REVOKE EXECUTE ON FUNCTION nearline.is_named_in(text, text), nearline.user_tables(), nearline.user_bounds(),
    nearline.traces_of(text), nearline.forget(text), nearline.discount(int, bytea) FROM PUBLIC;
