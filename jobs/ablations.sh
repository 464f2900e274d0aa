#!/usr/bin/env bash
# What each setting of the model is worth: jobs/ablations.sh EVENTS.csv[.gz] AS-OF [SETTING=VALUE ...], such as
# jobs/ablations.sh online-retail.csv.gz 2011-11-09T12:50:00Z horizons=1 horizons=3
#
# Trains as of an instant with the defaults, then with one setting changed at a time (by default a list of them, in both directions
# where there are two), and judges the lists of the model alone by the session that each user began next: Recall of whole lists and
# of items new to the user, how much that is more than with the defaults, and the seconds of training. Other seeds are among the
# changes: what they differ by says nothing. Settings that are the same throughout are NEARLINE_*. Works in a throwaway PostgreSQL.
set -euo pipefail
[[ $# -ge 2 ]] || {
    sed -n '2,3s/^# //p' "$0" >&2
    exit 64
}
events=$(realpath -e -- "$1") || exit 66
cut=$2
shift 2
changes=("$@")
[[ $# -gt 0 ]] || changes=(
    seed=2 seed=3 seed=4 item-start=random side-information=no preference-terms=yes scenes=told scenes=no horizons=2
    horizons=3 half-life-days=0 half-life-days=20 dropout=0 dropout=0.3 dropout=0.7 blocks=1 blocks=3 experts=8 experts=24
    anchors=16 anchors=64 width=32 width=128 heads=1 heads=4 negatives=256 negatives=1000000 negative-sampling=popularity
    tokens=128 weight-decay=0.05 epochs=5 epochs=20 learning-rate=0.0002 learning-rate=0.002 patience=0
)
for change in "${changes[@]}"; do
    [[ $change =~ ^[a-z-]+=[^=]+$ ]] || {
        echo "ablations: '$change' is no SETTING=VALUE" >&2
        exit 64
    }
done
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh
# shellcheck source-path=SCRIPTDIR source=lib/build.sh
source jobs/lib/build.sh
# shellcheck source-path=SCRIPTDIR source=lib/evaluation.sh
source jobs/lib/evaluation.sh

evaluation_begin ablations "$events"
export NEARLINE_BLEND_USERS=0 NEARLINE_MODELS=$work/models
psql -q -c 'CREATE TABLE figures (place int, change text, whole jsonb, novel jsonb, seconds numeric)'

place=0
for change in defaults "${changes[@]}"; do
    echo "$change" >&2
    setting=()
    [[ $change == defaults ]] || {
        name=${change%%=*}
        setting=("NEARLINE_$(tr 'a-z-' 'A-Z_' <<<"$name")=${change#*=}")
    }
    quietly env "${setting[@]}" "$nearline" train --as-of "$cut" --again
    model=$(evaluation_newest)
    # A subshell: the setting is gone when it ends.
    figures=$([[ ${#setting[@]} == 0 ]] || export "${setting[@]}"; evaluation_figures "$cut" "$model")
    psql -qX -v ON_ERROR_STOP=1 -v place="$((place++))" -v change="$change" -v figures="$figures" <<<"
        INSERT INTO figures SELECT :place, :'change', m -> 'whole', m -> 'novel', (
            SELECT (stage_seconds ->> 'training')::numeric + coalesce((stage_seconds ->> 'finding anchors')::numeric, 0)
            FROM nearline.run WHERE command = 'train' ORDER BY run DESC LIMIT 1)
        FROM jsonb_array_elements(:'figures'::jsonb -> 'methods') m WHERE m ->> 'method' = 'model'"
done

psql -X -P footer=off <<'SQL'
WITH read AS (
    SELECT place, change, seconds, (whole -> 'Recall@20' ->> 'mean')::numeric AS w20,
        (whole -> 'Recall@100' ->> 'mean')::numeric AS w100, (novel -> 'Recall@20' ->> 'mean')::numeric AS n20,
        (novel -> 'Recall@100' ->> 'mean')::numeric AS n100
    FROM figures)
SELECT change, round(w20, 4) AS "Recall@20", round(w100, 4) AS "Recall@100",
    round(100 * (w100 / first_value(w100) OVER (ORDER BY place) - 1), 1) AS "%", round(n20, 4) AS "novel @20",
    round(n100, 4) AS "novel @100", round(100 * (n100 / first_value(n100) OVER (ORDER BY place) - 1), 1) AS "%",
    round(seconds, 1) AS "training, s"
FROM read ORDER BY place;
SQL
