#!/usr/bin/env bash
# Makes past days' releases to look into, or some users' lists anew, at most NEARLINE_BACKFILL_RATE users a second (200):
# jobs/backfill.sh OPTION ..., as in `nearline backfill --help`, such as --from 2026-01-01 --to 2026-02-01.
#
# Killed, it goes on when it is called again. Exit codes are those of nearline: 75 where another backfill is at work.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

nearline=.build/release/nearline
[[ -x $nearline ]] || nearline=$(command -v nearline) || {
    echo 'backfill: there is no nearline here; run: swift build -c release' >&2
    exit 66
}
exec "$nearline" backfill --max-rate "${NEARLINE_BACKFILL_RATE:-200}" "$@"
