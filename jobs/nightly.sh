#!/usr/bin/env bash
# A day's work: a model where the newest is too old, today's lists, and the removal of what nobody needs any more:
# jobs/nightly.sh [OPTION ...], options as in `nearline precompute --help`. For cron (cron/nearline.crontab).
#
# A day (UTC) is made once: called again it is over at once, and so it may be called every hour, to make up for a machine
# that was off. A model is trained every NEARLINE_TRAIN_EVERY days (7) and goes on from the last one on the days between
# (NEARLINE_INCREMENTS=no: is left as it is); where that fails, lists are made with the last one. Models that no release needs go
# when they are older than NEARLINE_MODEL_AGE ('30 days'); a backfill of days before has none then that knows nothing later.
#
# Exit codes are those of nearline: 0 done or nothing to do, 65 a gate refused it, 75 another run is at work.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

nearline=.build/release/nearline
[[ -x $nearline ]] || nearline=$(command -v nearline) || {
    echo 'nightly: there is no nearline here; run: swift build -c release' >&2
    exit 66
}
# One day for all steps, also where midnight comes between them.
today=$(date -u +%F)

training=0 often=(--every "${NEARLINE_TRAIN_EVERY:-7}d")
case ${NEARLINE_INCREMENTS:-yes} in
    yes) often=(--every 1d --incremental --from-scratch-every "${NEARLINE_TRAIN_EVERY:-7}d") ;;
    no) ;;
    *)
        echo "nightly: NEARLINE_INCREMENTS is '$NEARLINE_INCREMENTS'; say yes or no" >&2
        exit 64
        ;;
esac
"$nearline" train --as-of "${today}T00:00:00Z" "${often[@]}" || training=$?
((training != 75)) || exit 75

made=$("$nearline" precompute --date "$today" --catch-up "$@")
printf '%s\n' "$made"
[[ $made != 'nothing to do'* ]] || exit "$training"

"$nearline" prune --models-older-than "${NEARLINE_MODEL_AGE:-30 days}"
"$nearline" status --max-age 26h
exit "$training"
