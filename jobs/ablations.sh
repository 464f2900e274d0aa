#!/usr/bin/env bash
# What each setting of the model is worth: jobs/ablations.sh EVENTS AS-OF [SETTING=VALUE ...], such as
# jobs/ablations.sh online-retail.csv.gz 2011-11-09T12:50:00Z horizons=1 horizons=3
# EVENTS is a CSV file or a folder with events.csv and items.csv, as `nearline simulate` writes it.
#
# Trains as of an instant with the defaults, then with one setting changed at a time (by default a list of them, in both directions
# where there are two), each with the seeds of ABLATION_SEEDS (three), and judges the lists of the model alone by the session that each
# user began next: Recall of whole lists and of items new to the user, means over the seeds; by how much that is more than with the
# defaults, seed by seed, and that mean's standard error; the seconds of training. What is not above twice its error says nothing.
# Settings that are the same throughout are NEARLINE_*. Works in a throwaway PostgreSQL.
set -euo pipefail
[[ $# -ge 2 ]] || {
    sed -n '2,4s/^# //p' "$0" >&2
    exit 64
}
events=$(realpath -e -- "$1") || exit 66
cut=$2
shift 2
changes=("$@")
[[ $# -gt 0 ]] || changes=(
    item-start=random side-information=no preference-terms=yes scenes=told scenes=apart horizons=2
    horizons=3 half-life-days=0 half-life-days=20 dropout=0 dropout=0.3 dropout=0.7 blocks=1 blocks=3 experts=8 experts=24
    anchors=16 anchors=64 lifelong-items=16 length-alpha=1.7 width=32 width=128 heads=1 heads=4 negatives=256
    negatives=1000000 negative-sampling=popularity tokens=128 weight-decay=0.05 epochs=5 epochs=20 learning-rate=0.0002 learning-rate=0.002 patience=0
)
read -ra seeds <<<"${ABLATION_SEEDS:-1 2 3}"
for seed in "${seeds[@]}"; do
    [[ $seed =~ ^[0-9]{1,9}$ ]] || {
        echo "ablations: ABLATION_SEEDS has '$seed', which is no whole number" >&2
        exit 64
    }
done
[[ ${#seeds[@]} -gt 0 ]] || {
    echo "ablations: ABLATION_SEEDS names no seed" >&2
    exit 64
}
for change in "${changes[@]}"; do
    [[ $change =~ ^[a-z-]+=[^=]+$ ]] || {
        echo "ablations: '$change' is no SETTING=VALUE" >&2
        exit 64
    }
    [[ $change != seed=* ]] || {
        echo "ablations: seeds are named by ABLATION_SEEDS, not by '$change'" >&2
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
psql -q -c 'CREATE TABLE figures (place int, change text, seed int, whole jsonb, novel jsonb, seconds numeric)'

place=0
for change in defaults "${changes[@]}"; do
    for seed in "${seeds[@]}"; do
        echo "$change, seed $seed" >&2
        settings=("NEARLINE_SEED=$seed")
        [[ $change == defaults ]] || settings+=("NEARLINE_$(tr 'a-z-' 'A-Z_' <<<"${change%%=*}")=${change#*=}")
        quietly env "${settings[@]}" "$nearline" train --as-of "$cut" --again
        model=$(evaluation_newest)
        # A subshell: the settings are gone when it ends.
        figures=$(export "${settings[@]}"; evaluation_figures "$cut" "$model")
        psql -qX -v ON_ERROR_STOP=1 -v place="$place" -v change="$change" -v seed="$seed" -v figures="$figures" <<<"
            INSERT INTO figures SELECT :place, :'change', :seed, m -> 'whole', m -> 'novel', (
                SELECT (stage_seconds ->> 'training')::numeric
                    + coalesce((stage_seconds ->> 'finding anchors')::numeric, 0)
                FROM nearline.run WHERE command = 'train' ORDER BY run DESC LIMIT 1)
            FROM jsonb_array_elements(:'figures'::jsonb -> 'methods') m WHERE m ->> 'method' = 'model'"
    done
    place=$((place + 1))
done

psql -X -P footer=off -P null=- <<'SQL'
WITH read AS (
    SELECT place, change, seed, seconds, (whole -> 'Recall@20' ->> 'mean')::numeric AS w20,
        (whole -> 'Recall@100' ->> 'mean')::numeric AS w100, (novel -> 'Recall@20' ->> 'mean')::numeric AS n20,
        (novel -> 'Recall@100' ->> 'mean')::numeric AS n100
    FROM figures),
against AS (
    SELECT r.*, 100 * (r.w20 / nullif(d.w20, 0) - 1) AS d20, 100 * (r.w100 / nullif(d.w100, 0) - 1) AS d100,
        100 * (r.n100 / nullif(d.n100, 0) - 1) AS dn
    FROM read r JOIN read d ON d.place = 0 AND d.seed = r.seed)
SELECT change, round(avg(w20), 4) AS "Recall@20", round(avg(d20), 1) AS "%",
    round(stddev(d20) / sqrt(count(d20)::numeric), 1) AS "+-", round(avg(w100), 4) AS "Recall@100", round(avg(d100), 1) AS "%",
    round(stddev(d100) / sqrt(count(d100)::numeric), 1) AS "+-", round(avg(n20), 4) AS "novel @20",
    round(avg(n100), 4) AS "novel @100", round(avg(dn), 1) AS "%", round(stddev(dn) / sqrt(count(dn)::numeric), 1) AS "+-",
    round(avg(seconds), 1) AS "training, s"
FROM against GROUP BY place, change ORDER BY place;
SQL
