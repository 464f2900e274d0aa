#!/usr/bin/env bash
# What nightly increments lose against training from scratch every night, and what they save:
# jobs/evaluate-increments.sh EVENTS.csv[.gz] FIRST-DAY [NIGHTS], such as
# jobs/evaluate-increments.sh online-retail.csv.gz 2011-11-20 10
#
# A model is trained the evening before the first day. Then, as of each of ten midnights (or as many as are asked for), one is trained
# from scratch, one goes on from the night before (nearline train --incremental), and the first one is kept as it is. All
# three are judged by the first session that each user began after that midnight: means over the nights of Recall, in full and for
# items new to the user, for merged lists and for those of the model alone, and the seconds of training. Settings are NEARLINE_*.
# Works in a throwaway PostgreSQL; a night takes as long as a training.
set -euo pipefail
[[ $# == 2 || $# == 3 ]] || {
    sed -n '2,4s/^# //p' "$0" >&2
    exit 64
}
events=$(realpath -e -- "$1") || exit 66
first=$(date -u -d "$2" +%F) || exit 64
nights=${3:-10}
[[ $nights =~ ^[1-9][0-9]*$ ]] || {
    echo "evaluate-increments: '$nights' is no number of nights" >&2
    exit 64
}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh
# shellcheck source-path=SCRIPTDIR source=lib/build.sh
source jobs/lib/build.sh
# shellcheck source-path=SCRIPTDIR source=lib/evaluation.sh
source jobs/lib/evaluation.sh

# train DATABASE DAY OPTION...: into a folder of that database's own; says where the model lies.
train() {
    local database=$1 day=$2
    shift 2
    PGDATABASE=$database NEARLINE_MODELS=$work/$database quietly "$nearline" train --as-of "${day}T00:00:00Z" "$@"
    PGDATABASE=$database evaluation_newest
}
# judge KIND DAY MODEL
judge() {
    local kind=$1 day=$2 figures
    figures=$(evaluation_figures "${day}T00:00:00Z" "$3")
    psql -qX -v ON_ERROR_STOP=1 -v kind="$kind" -v day="$day" -v figures="$figures" <<<"
        INSERT INTO judged SELECT :'kind', :'day', m ->> 'method', m -> 'whole', m -> 'novel'
        FROM jsonb_array_elements(:'figures'::jsonb -> 'methods') m WHERE m ->> 'method' IN ('merged', 'model')"
}

evaluation_begin increments "$events"
psql -q -d postgres -c 'CREATE DATABASE scratch TEMPLATE increments'
psql -q -c 'CREATE TABLE judged (kind text, day date, method text, whole jsonb, novel jsonb)'

base=$(train increments "$(date -u -d "$first - 1 day" +%F)")
for ((night = 0; night < nights; night++)); do
    day=$(date -u -d "$first + $night days" +%F)
    echo "night $((night + 1)) of $nights: $day" >&2
    # Apart from their use, so that one that fails ends this.
    anew=$(train scratch "$day")
    further=$(train increments "$day" --incremental)
    judge 'from scratch' "$day" "$anew"
    judge increments "$day" "$further"
    judge stale "$day" "$base"
done

psql -X -P footer=off <<'SQL'
WITH means AS (
    SELECT method, kind, avg((whole -> 'Recall@20' ->> 'mean')::numeric) AS r20,
        avg((whole -> 'Recall@100' ->> 'mean')::numeric) AS r100, avg((novel -> 'Recall@100' ->> 'mean')::numeric) AS n100
    FROM judged GROUP BY 1, 2)
SELECT method AS lists, kind AS model, round(r20, 4) AS "Recall@20", round(r100, 4) AS "Recall@100",
    round(100 * (r100 / first_value(r100) OVER same - 1), 2) AS "against scratch, %", round(n100, 4) AS "novel: Recall@100"
FROM means WINDOW same AS (PARTITION BY method ORDER BY kind <> 'from scratch', kind) ORDER BY method, kind <> 'from scratch', kind;
SQL
# What the trainings of a database took, but for the first of the increments', which is the base.
seconds() {
    psql -qAtX -d "$1" -c "SELECT sum((stage_seconds ->> 'training')::numeric), sum(extract(epoch FROM ended_at - started_at))
        FROM (SELECT * FROM nearline.run WHERE command = 'train' ORDER BY run OFFSET $2) t"
}
anew=$(seconds scratch 0)
further=$(seconds increments 1)
echo "seconds of training alone, and of whole commands: from scratch $anew, increments $further"
