#!/usr/bin/env bash
# Makes the lists of users with new events anew, for the release that is served: jobs/refresh.sh [OPTION ...], as in
# `nearline refresh --help`. For cron (cron/nearline.crontab), or with --every 60s for a service manager. Needs the triggers of
# `nearline refresh --install`, and does nothing where nobody did anything.
#
# Exit codes are those of nearline: 0 done or nothing to do, 66 nothing is published or queued by triggers, 75 another
# refresh is at work.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

nearline=.build/release/nearline
[[ -x $nearline ]] || nearline=$(command -v nearline) || {
    echo 'refresh: there is no nearline here; run: swift build -c release' >&2
    exit 66
}
exec "$nearline" refresh "$@"
