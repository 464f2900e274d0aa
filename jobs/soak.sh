#!/usr/bin/env bash
# Kills the demo again and again, anywhere, and checks that it recovers: jobs/soak.sh [KILLS] [SEED]
#
# Every round kills -9 the demo and all that it started, the PostgreSQL server included, after a random time, then starts
# it again. Every demo that gets through, and the last one, which is left alone, must leave lists, transitions and a model
# that are byte-equal to those of a demo that was never killed. Not part of the tests: a round takes up to half a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kills=${1:-12}
RANDOM=${2:-1}
work=$(mktemp -d "${TMPDIR:-/tmp}/nearline-soak.XXXXXX")
chmod 755 "$work" # so that the server's user can reach it
# shellcheck disable=SC2317
clean_up() {
    [[ ! -d $work/demo/.nearline ]] || (
        cd "$work/demo"
        # shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
        source jobs/lib/cluster.sh
        cluster_remove .nearline/pg
    ) || true
    rm -rf "$work"
}
trap clean_up EXIT

jobs/setup.sh
git clone -q . "$work/demo"
cd "$work/demo"
echo 'building in a clone'
swift build -c release --product nearline </dev/null >"$work/log" 2>&1 || {
    tail -n 20 "$work/log"
    exit 1
}

# answer: hashes of all payloads and of the model file, and how many tables lie about. Removes everything.
answer() (
    # shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
    source jobs/lib/cluster.sh
    cluster_start .nearline/pg
    psql -qAt -d demo -c "
        SELECT md5(string_agg(user_id || ' ' || md5(payload), ',' ORDER BY user_id)) FROM nearline.candidate
        WHERE release = (SELECT release FROM nearline.current_release);
        SELECT md5(string_agg(key || ' ' || md5(payload), ',' ORDER BY key)) FROM nearline.transition
        WHERE release = (SELECT release FROM nearline.current_release);
        SELECT count(*) FROM shop.events;
        SELECT count(*) FROM pg_class WHERE relname ~ '^(candidate|transition|release_item)_r[0-9]+\$'
            AND NOT relispartition;"
    md5sum .nearline/models/demo/*.safetensors | cut -d ' ' -f 1
    cluster_remove .nearline/pg
    rm -rf .nearline
)

# check: what the demo left is what a calm one leaves.
check() {
    local found
    found=$(answer)
    [[ $found == "$calm" ]] || {
        printf 'soak: after the kills the results differ\n%s\nagainst\n%s\n' "$found" "$calm" >&2
        exit 1
    }
}

jobs/demo.sh >"$work/log" 2>&1
calm=$(answer)

for ((kill = 1; kill <= kills; kill++)); do
    after=$((RANDOM % 220))
    # A session of its own, so that one kill reaches everything but the server.
    setsid jobs/demo.sh >"$work/log" 2>&1 &
    demo=$!
    sleep "$((after / 10)).$((after % 10))"
    finished=no
    kill -0 "$demo" 2>/dev/null || finished=yes
    kill -KILL -- "-$demo" 2>/dev/null || true
    # Every other time the server dies too.
    if ((kill % 2)); then
        pid=$(head -n 1 .nearline/pg/postmaster.pid 2>/dev/null || true)
        [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
    fi
    wait "$demo" 2>/dev/null || true
    echo "round $kill of $kills: killed after $after tenths of a second (finished before: $finished)," \
        "at $(grep -a '^== ' "$work/log" | tail -n 1)"
    # One that is through makes room for another from the beginning.
    [[ $finished == no ]] || check
done
jobs/demo.sh >"$work/log" 2>&1 || {
    tail -n 20 "$work/log"
    echo 'soak: the demo does not recover' >&2
    exit 1
}
check
echo "soak: $kills kills, and every demo that got through had the very same lists, transitions and model"
