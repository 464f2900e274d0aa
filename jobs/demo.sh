#!/usr/bin/env bash
# The whole line on a private PostgreSQL: jobs/demo.sh [--keep] [EVENTS.csv[.gz] [ITEMS.csv[.gz]]]
#
# Builds, starts a cluster in .nearline/pg, migrates, imports, trains, precomputes, publishes, and looks things up.
# Without files it makes up a shop. Kill it whenever you like and run it again: what is done is skipped, and said so.
# --keep leaves the server running, for a look with psql. Settings come from NEARLINE_* (see nearline config).
set -euo pipefail
called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh

readonly CLUSTER=.nearline/pg
keeps=false
files=()
for argument in "$@"; do
    case $argument in
        --keep) keeps=true ;;
        -h | --help)
            sed -n '2,6s/^# \{0,1\}//p' jobs/demo.sh
            exit 0
            ;;
        -*)
            echo "demo: there is no option $argument; jobs/demo.sh --help shows what there is" >&2
            exit 64
            ;;
        /*) files+=("$argument") ;;
        *) files+=("$called_from/$argument") ;;
    esac
done
((${#files[@]} <= 2)) || {
    echo "demo: at most two files, events and items; ${#files[@]} were given" >&2
    exit 64
}
for file in "${files[@]}"; do
    [[ -r $file ]] || {
        echo "demo: there is no file $file that can be read" >&2
        exit 66
    }
done

step() { printf '\n== %s\n' "$*"; }

clean_up() {
    $keeps || [[ -e $CLUSTER.keep ]] || cluster_stop "$CLUSTER" || true
}

step 'build (release)'
jobs/setup.sh
swift build -c release --product nearline </dev/null
PATH=$(swift build -c release --show-bin-path):$PATH

step "a private PostgreSQL in $CLUSTER"
mkdir -p .nearline
! $keeps || touch "$CLUSTER.keep"
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
cluster_start "$CLUSTER"

# Each data set has a database and a folder of models of its own.
if ((${#files[@]} == 0)); then
    name=demo
else
    plain=$(basename "${files[0]}" | tr '[:upper:]' '[:lower:]' | sed 's/\.gz$//; s/\.[ct]sv$//; s/[^a-z0-9]\{1,\}/_/g')
    name=demo_${plain:0:30}_$(realpath "${files[0]}" | cksum | cut -d ' ' -f 1)
fi
psql -qAt -v ON_ERROR_STOP=1 -c "SELECT 1 FROM pg_database WHERE datname = '$name'" | grep -q 1 ||
    psql -q -v ON_ERROR_STOP=1 -c "CREATE DATABASE \"$name\""
export PGDATABASE=$name NEARLINE_MODELS=${NEARLINE_MODELS:-.nearline/models/$name}

step 'migrate'
nearline migrate

step 'import'
if ((${#files[@]} == 0)); then
    [[ -e .nearline/shop/events.csv ]] || nearline simulate .nearline/shop
    files=(.nearline/shop/events.csv .nearline/shop/items.csv)
fi
nearline import "${files[@]}"

# The data ends in the past: the newest event is "now" here.
step 'train'
nearline train --as-of latest

step 'precompute and publish'
nearline precompute --as-of latest

step 'what one user did, and what comes next'
nearline lookup --any --history

step 'popular transitions'
nearline lookup --any --transitions

step 'runs'
nearline runs
psql -P footer=off -c "
    SELECT DISTINCT ON (command, s.key) command, s.key AS stage, s.value::text AS seconds
    FROM nearline.run, jsonb_each(stage_seconds) s WHERE state = 'done' ORDER BY command, s.key, run DESC"

step 'try next'
$keeps || [[ -e $CLUSTER.keep ]] || echo "(jobs/demo.sh --keep leaves the server running for these)"
reach="psql -h $PGHOST -p $PGPORT -U $PGUSER $PGDATABASE"
user=$(psql -qAt -c "SELECT quote_literal(user_id) FROM nearline.candidate
    WHERE release = (SELECT release FROM nearline.current_release) ORDER BY md5(user_id::text) LIMIT 1")
cat <<END
$reach -c "SELECT * FROM nearline.lookup($user) LIMIT 10"
$reach -c "SELECT * FROM nearline.exposure ORDER BY lists DESC LIMIT 10"
$reach -c "SELECT release, state, model, users, items, transitions, published_at FROM nearline.release"
END
