#!/usr/bin/env bash
# Writes a thousand events a second while lists are refreshed, and measures from outside how old the served ones are:
# jobs/soak-refresh.sh [SECONDS] [EVENTS A SECOND] [EVERY] [USERS], by default 120 1000 2s 20000
#
# A sampler writes an event of a user now and then, notes when it was committed, and waits until the list that is served to this
# user has read it. Beside the traffic one transaction with events in it stays open for half of the time. Fails where at the
# end the list of any user with events is older than the last of them (of the long transaction: than its commit), where one was
# made for nobody, or where the service did not end as it should. Not part of the tests: a throwaway PostgreSQL.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh
# shellcheck source-path=SCRIPTDIR source=lib/build.sh
source jobs/lib/build.sh
seconds=${1:-120} rate=${2:-1000} every=${3:-2s} users=${4:-20000}

readonly CLUSTER=.nearline/soak-pg
work=$(mktemp -d "${TMPDIR:-/tmp}/nearline-soak-refresh.XXXXXX")
service='' slow='' sampler=''
# shellcheck disable=SC2317
clean_up() {
    local process
    for process in "$service" "$slow" "$sampler"; do
        [[ -z $process ]] || kill "$process" 2>/dev/null || true
    done
    cluster_remove "$CLUSTER" || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

jobs/setup.sh
nearline=$(build_product nearline "$work/log")
pgbench=$(command -v pgbench || ls "$(pg_config --bindir)/pgbench")

# Left by a run that was killed.
cluster_remove "$CLUSTER"
cluster_start "$CLUSTER"
psql -q -c 'CREATE DATABASE soak'
export PGDATABASE=soak NEARLINE_MODELS=$work/models NEARLINE_EPOCHS=1 NEARLINE_CORPUS_TOKENS=200000
ask() { psql -qAtX -v ON_ERROR_STOP=1 -c "$1"; }
fail() {
    echo "soak: $*" >&2
    exit 1
}

echo 'a shop, a model and a release' >&2
{
    "$nearline" migrate
    "$nearline" simulate "$work/shop" --users "$users" --items 5000 --days 60
    "$nearline" import "$work/shop/events.csv" "$work/shop/items.csv"
    "$nearline" train --as-of latest
    "$nearline" precompute --as-of latest
} >"$work/log" 2>&1 || {
    tail -n 20 "$work/log"
    exit 1
}
ask 'CREATE INDEX IF NOT EXISTS events_by_user ON shop.events (user_id, occurred_at); ANALYZE'
"$nearline" refresh --install >"$work/log"
ask 'CREATE TABLE public.sampled (user_id bigint, committed_at timestamptz, seen_at timestamptz);
    CREATE TABLE public.buyer AS SELECT row_number() OVER () AS n, user_id FROM
        (SELECT DISTINCT user_id FROM shop.events) u; CREATE UNIQUE INDEX ON public.buyer (n)'
buyers=$(ask 'SELECT count(*) FROM public.buyer')
[[ $buyers -gt 100 ]] || fail "a shop of $buyers users is too small"

cat >"$work/click.sql" <<'END'
\set n random(1, :buyers)
\set i random(1, 5000)
INSERT INTO shop.events (user_id, item_id, occurred_at, action)
SELECT b.user_id, e.item_id, clock_timestamp(), 'click' FROM public.buyer b,
    (SELECT item_id FROM nearline.release_item WHERE release = 1 AND item_row = :i % 1000) e WHERE b.n = :n;
END

# One user, told by nobody else, whose events are committed late.
patient=990000001
open_for_half_the_time() {
    psql -qAtX -v ON_ERROR_STOP=1 <<END >/dev/null
BEGIN;
INSERT INTO shop.events (user_id, item_id, occurred_at, action)
SELECT $patient, item_id, clock_timestamp(), 'click' FROM nearline.release_item WHERE release = 1 AND item_row < 5;
SELECT pg_sleep($seconds / 2.0);
COMMIT;
INSERT INTO public.sampled (user_id, committed_at) VALUES ($patient, clock_timestamp());
END
}

# The sampler. A list that says it has read events up to an instant may have missed one that was being committed just then:
# so the row of the queue that this event added must be gone too.
ask "CREATE PROCEDURE public.sample(seconds float8) LANGUAGE plpgsql AS \$\$
DECLARE
    ends CONSTANT timestamptz := clock_timestamp() + make_interval(secs => seconds);
    who  bigint;
    made timestamptz;
    done timestamptz;
    mine bigint;
BEGIN
    WHILE clock_timestamp() < ends LOOP
        SELECT user_id INTO who FROM public.buyer ORDER BY random() LIMIT 1;
        INSERT INTO shop.events (user_id, item_id, occurred_at, action)
        SELECT who, item_id, clock_timestamp(), 'click' FROM nearline.release_item WHERE release = 1 AND item_row = 0
        RETURNING occurred_at INTO made;
        mine := currval('nearline.touched_touch_seq');
        COMMIT;
        done := clock_timestamp();
        -- A transaction for each look, as readers have.
        WHILE NOT EXISTS (SELECT FROM nearline.lookup_facts(who) f WHERE f.as_of >= made)
            OR EXISTS (SELECT FROM nearline.touched t WHERE t.touch = mine)
        LOOP
            COMMIT;
            PERFORM pg_sleep(0.01);
        END LOOP;
        INSERT INTO public.sampled (user_id, committed_at, seen_at) VALUES (who, done, clock_timestamp());
        COMMIT;
        PERFORM pg_sleep(random() / 2);
    END LOOP;
END \$\$"

"$nearline" refresh --every "$every" 2>"$work/refresh" >&2 &
service=$!
sleep 1
kill -0 "$service" || fail "$(tail -n 3 "$work/refresh")"
echo "$rate events a second for $seconds s, refreshed every $every; $buyers users" >&2
open_for_half_the_time &
slow=$!
ask "CALL public.sample($seconds)" &
sampler=$!
"$pgbench" -n -f "$work/click.sql" -D buyers="$buyers" -R "$rate" -c 16 -j 2 -T "$seconds" >"$work/pgbench" 2>&1 ||
    fail "$(tail -n 3 "$work/pgbench")"
wait "$slow" || fail 'the long transaction failed'
slow=''
wait "$sampler" || fail 'the sampler failed'
sampler=''
quiet=$(ask 'SELECT clock_timestamp()')
for ((look = 0; look < 600; look++)); do
    [[ $(ask "SELECT count(*) FROM nearline.refresh_status WHERE users_waiting = 0 AND refreshed_at > '$quiet'") == 0 ]] || break
    sleep 0.1
done
kill -0 "$service" || fail "the service ended: $(tail -n 3 "$work/refresh")"
kill -TERM "$service"
status=0
wait "$service" || status=$?
service=''
[[ $status == 143 ]] || fail "the service ended with $status: $(tail -n 3 "$work/refresh")"

grep -E 'tps|processed|latency average|schedule lag' "$work/pgbench"
ask "SELECT 'sampled ' || count(*) || ' events: served p50 ' ||
        round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM seen_at - committed_at))::numeric, 2) || ' s, p99 ' ||
        round(percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM seen_at - committed_at))::numeric, 2) || ' s, at most ' ||
        round(max(extract(epoch FROM seen_at - committed_at))::numeric, 2) || ' s after their commit'
    FROM public.sampled WHERE seen_at IS NOT NULL AND user_id <> $patient;
    SELECT 'refresh itself says: ' || counts::text FROM nearline.run WHERE command = 'refresh' ORDER BY run DESC LIMIT 1"
lost=$(ask "SELECT count(*) FROM (
        SELECT user_id, max(occurred_at) AS last FROM shop.events
        WHERE occurred_at > (SELECT as_of FROM nearline.release WHERE release = 1) GROUP BY 1
        UNION ALL SELECT user_id, committed_at FROM public.sampled WHERE user_id = $patient) e
    LEFT JOIN nearline.overlay o ON o.user_id = e.user_id AND o.release = 1
    WHERE o.as_of IS NULL OR o.as_of < e.last")
[[ $lost == 0 ]] || fail "$lost users have lists that are older than their last event"
stray=$(ask "SELECT count(*) FROM nearline.overlay o WHERE NOT EXISTS (SELECT FROM shop.events e WHERE e.user_id = o.user_id
    AND e.occurred_at > (SELECT as_of FROM nearline.release WHERE release = 1))")
[[ $stray == 0 ]] || fail "$stray lists were made for nobody"
echo "soak: no event was lost: $(ask 'SELECT count(*) FROM nearline.overlay') users with changes, each with a list that is newer"
