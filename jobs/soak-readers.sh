#!/usr/bin/env bash
# Reads lists at full speed in every way while releases are published, rolled back and pruned:
# jobs/soak-readers.sh [OPTION ...], options as in `publish-figures readers --help` (200 publications, 50 rollbacks)
#
# Fails where a lookup fails, or where a list is empty, mixed of two releases, or of a release that is not the current one.
# The latencies in its table compare with each other and with no other machine's. Not part of the tests: it takes some
# minutes, on a throwaway PostgreSQL that writes to disk as a real one does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh
# shellcheck source-path=SCRIPTDIR source=lib/build.sh
source jobs/lib/build.sh

readonly CLUSTER=.nearline/soak-pg
work=$(mktemp -d "${TMPDIR:-/tmp}/nearline-soak-readers.XXXXXX")
# shellcheck disable=SC2317
clean_up() {
    cluster_remove "$CLUSTER" || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

jobs/setup.sh
figures=$(build_product publish-figures "$work/log")

# Left by a run that was killed.
cluster_remove "$CLUSTER"
cluster_start "$CLUSTER"
"$figures" readers --folder "$work/snapshots" "$@"
