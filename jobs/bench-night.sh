#!/usr/bin/env bash
# A whole night at several sizes, in one command each: jobs/bench-night.sh [USERS:ITEMS ...]
#
# By default 10000, 100000 and 1000000 users of 200000 items, then 100000 users of 2000 and 20000 items: a row each with the rate,
# where the time went, the cores that were busy, and the most memory that nearline held. Makes shops whose users have about a
# hundred events, in a throwaway PostgreSQL; a million users take some 20 GB of disk and a quarter of an hour, of which the
# night itself is the smaller part. Figures compare within one run only: nothing else should be at work. PRECOMPUTE_OPTIONS are handed to
# nearline precompute, such as '--workers 2'.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh
# shellcheck source-path=SCRIPTDIR source=lib/build.sh
source jobs/lib/build.sh
unset OPENBLAS_CORETYPE
scales=("$@")
[[ $# -gt 0 ]] || scales=(10000:200000 100000:200000 1000000:200000 100000:2000 100000:20000)
for scale in "${scales[@]}"; do
    [[ $scale =~ ^[0-9]+:[0-9]+$ ]] || {
        echo "bench-night: '$scale' is no USERS:ITEMS" >&2
        exit 64
    }
done
read -r -a options <<<"${PRECOMPUTE_OPTIONS:-}"

readonly CLUSTER=.nearline/bench-pg
mkdir -p .nearline
work=$(mktemp -d .nearline/bench-night.XXXXXX)
# shellcheck disable=SC2317
clean_up() {
    cluster_remove "$CLUSTER" || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

jobs/setup.sh
nearline=$(build_product nearline "$work/log")
export NEARLINE_MODELS=$work/models NEARLINE_EPOCHS=1 NEARLINE_CORPUS_TOKENS=200000
ask() { psql -qAtX -v ON_ERROR_STOP=1 -c "$1"; }
quietly() {
    "$@" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log"
        exit 1
    }
}
# Hundredths of a second that all cores together were at work.
busy() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }

# Left by a run that was killed.
cluster_remove "$CLUSTER"
cluster_start "$CLUSTER"
# As any server of this size would be set up; the defaults are for a very small one.
psql -q -d postgres -c "ALTER SYSTEM SET max_wal_size = '8GB'" -c "ALTER SYSTEM SET maintenance_work_mem = '512MB'" \
    -c "ALTER SYSTEM SET shared_buffers = '2GB'"
cluster_stop "$CLUSTER"
cluster_start "$CLUSTER"

printf '%9s %8s %11s %9s %9s  %s\n' users items events users/s lists/s 'where the time went; what was busy; memory'
for scale in "${scales[@]}"; do
    users=${scale%:*} items=${scale#*:}
    echo "a shop of $users users and $items items" >&2
    PGOPTIONS='-c client_min_messages=warning' psql -q -d postgres -c 'DROP DATABASE IF EXISTS night' -c 'CREATE DATABASE night'
    export PGDATABASE=night
    quietly "$nearline" migrate
    quietly "$nearline" simulate "$work/shop" --users "$users" --items "$items" --days 135
    quietly "$nearline" import "$work/shop/events.csv" "$work/shop/items.csv"
    rm -rf "$work/shop"
    ask 'CREATE INDEX IF NOT EXISTS events_by_user ON shop.events (user_id, occurred_at)'
    ask 'VACUUM (ANALYZE) shop.events'
    ask 'CHECKPOINT'
    quietly "$nearline" train --as-of latest
    before=$(busy) began=$(date +%s%N)
    quietly "$nearline" precompute --as-of latest --candidates 100 "${options[@]}"
    hundredths=$(($(busy) - before)) nanoseconds=$(($(date +%s%N) - began))
    ask "SELECT format('%9s %8s %11s %9s %9s  %s; %s busy cores; %s MiB', counts ->> 'users', $items, counts ->> 'events',
            round((counts ->> 'users')::numeric / ($nanoseconds / 1e9)),
            round((counts ->> 'users')::numeric / (stage_seconds ->> 'making lists')::numeric),
            (SELECT string_agg(key || ' ' || round(value::numeric, 1) || ' s', ', ' ORDER BY value::numeric DESC)
                FROM jsonb_each_text(stage_seconds) WHERE value::numeric >= 0.02 * $nanoseconds / 1e9),
            round($hundredths / ($nanoseconds / 1e7), 2), peak_bytes >> 20)
        FROM nearline.run WHERE command = 'precompute' ORDER BY run DESC LIMIT 1"
done
