#!/usr/bin/env bash
# Builds and runs the tests on a throwaway PostgreSQL: jobs/test.sh [--filter NAME ...], as in `swift test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh
# shellcheck source-path=SCRIPTDIR source=lib/build.sh
source jobs/lib/build.sh

readonly CLUSTER=.nearline/test-pg
runner=''

jobs/setup.sh
mkdir -p .nearline
# Two runs would remove each other's cluster. What a killed run left at work holds this too, until it ends.
exec {run_lock}>>.nearline/test.lock
flock -n "$run_lock" || {
    echo 'test: another run is at work in this folder; waiting for it' >&2
    flock "$run_lock"
}

# shellcheck disable=SC2317
clean_up() {
    # The tests run two processes deep, and only an interrupt is handed down to them.
    if [[ -n $runner ]]; then
        kill -INT -- "-$runner" 2>/dev/null || true
        wait "$runner" || true
    fi
    cluster_remove "$CLUSTER" || true
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

build_release .nearline/build.log
NEARLINE_BIN=$(swift build -c release --show-bin-path)/nearline
export NEARLINE_BIN

# Left by a run that was killed.
cluster_remove "$CLUSTER"
CLUSTER_FSYNC=off cluster_start "$CLUSTER"

# In a process group of its own, so that a signal to this script alone reaches the tests, and waits for none of them.
run_tests() {
    local status=0
    set -m
    swift test -c release --skip-build --disable-xctest "$@" </dev/null &
    runner=$!
    set +m
    wait "$runner" || status=$?
    runner=''
    return "$status"
}

run_tests "$@"
# The kernels once more as older processors run them; the first run took the best that this one has.
if [[ $# == 0 ]]; then
    for level in 3 0; do
        echo "kernels of x86-64 level $level" >&2
        NEARLINE_CPU_LEVEL=$level run_tests --filter '^(TensorsTests|ModelTests|RetrievalTests|TrainingTests)\.'
    done
fi
