#!/usr/bin/env bash
# Counts anew what comes next, for the release that is served: jobs/transitions.sh [OPTION ...], as in
# `nearline transitions --help`. For cron (cron/nearline.crontab): needs no model, and does nothing where nothing happened.
#
# Exit codes are those of nearline: 0 done or nothing to do, 65 a gate refused it, 75 another run is at work.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

nearline=.build/release/nearline
[[ -x $nearline ]] || nearline=$(command -v nearline) || {
    echo 'transitions: there is no nearline here; run: swift build -c release' >&2
    exit 66
}
exec "$nearline" transitions "$@"
