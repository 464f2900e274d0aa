#!/usr/bin/env bash
# Says what is wrong with what is served, and nothing where all is well: jobs/status.sh [OPTION ...], options as in
# `nearline status --help`. For cron (cron/nearline.crontab), which mails what is printed; writes the metrics too.
#
# Exit codes are those of nearline status.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

nearline=.build/release/nearline
[[ -x $nearline ]] || nearline=$(command -v nearline) || {
    echo 'status: there is no nearline here; run: swift build -c release' >&2
    exit 66
}
code=0
found=$("$nearline" status --max-age 26h "$@" 2>&1) || code=$?
((code == 0)) || printf '%s\n' "$found"
exit "$code"
