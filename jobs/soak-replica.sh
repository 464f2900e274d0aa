#!/usr/bin/env bash
# A backfill beside a streaming replica that falls behind, is frozen or goes away; then the primary dies in the middle of a
# night, and the replica, which lacks what was stored last, takes over: jobs/soak-replica.sh
#
# Two private clusters, the second one a copy of the first by pg_basebackup that streams from it. Fails where the backfill does
# not pause, does not say why, or does not go on; where a replica takes a night or cannot be read; and where the lists after a
# fail-over are not byte-equal to undisturbed ones. Not part of the tests: it waits for a server to notice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh

readonly CLUSTER=.nearline/replica-pg-1 COPY=.nearline/replica-pg-2
work=$(mktemp -d "${TMPDIR:-/tmp}/nearline-replica.XXXXXX")
frozen='' running=''
# shellcheck disable=SC2317
clean_up() {
    [[ -z $frozen ]] || kill -CONT "$frozen" 2>/dev/null || true
    [[ -z $running ]] || kill -KILL "$running" 2>/dev/null || true
    cluster_remove "$COPY" || true
    cluster_remove "$CLUSTER" || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

die() {
    printf 'soak-replica: %s\n' "$*" >&2
    tail -n 12 "$work"/*.log >&2 || true
    exit 1
}

jobs/setup.sh
swift build -c release --product nearline </dev/null >"$work/build.log" 2>&1 || die 'the build failed'
nearline=$(swift build -c release --show-bin-path)/nearline
cluster_remove "$COPY"
cluster_remove "$CLUSTER"
cluster_start "$CLUSTER"
primary=$PGHOST
cluster_replica "$COPY"
replica=$PGHOST
export PGHOST=$primary

ask() { psql -qAtX -v ON_ERROR_STOP=1 -c "$1"; }
of_replica() { PGHOST=$replica ask "$1"; }
# until_holds WHAT CONDITION [SECONDS]
until_holds() {
    local look
    for ((look = 0; look < ${3:-60} * 10; look++)); do
        [[ $(ask "SELECT $2") != t ]] || return 0
        sleep 0.1
    done
    die "not within ${3:-60} s: $1"
}
# receiver: the process of the replica that the log comes by.
receiver() { of_replica 'SELECT pid FROM pg_stat_wal_receiver'; }

export NEARLINE_MODELS=$work/models NEARLINE_SHARD_USERS=20 NEARLINE_EPOCHS=1 NEARLINE_WIDTH=16 NEARLINE_THREADS=1
{
    "$nearline" migrate
    "$nearline" simulate "$work" --users 800 --items 400 --days 30
    "$nearline" import "$work/events.csv" "$work/items.csv"
    "$nearline" train --as-of 2025-12-20
    "$nearline" precompute --as-of 2026-01-01 --candidates 20
} >"$work/setup.log" 2>&1 || die 'the shop could not be made'
ask 'CREATE TABLE public.noise (n bigint)'
until_holds 'the replica has it all' "bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication"

paused="count(*) = 1 FROM nearline.runs WHERE state = 'running' AND stage LIKE 'paused: replication-lag>%, it is %'"
unpaused="count(*) = 0 FROM nearline.runs WHERE state = 'running' AND stage LIKE 'paused: %'"
# backfill DAY CONDITION HOW: begins it, and has it pause while the replica is HOW behind.
backfill() {
    local shards="SELECT count(*) FROM nearline.release_shard WHERE state = 'done'" before
    "$nearline" backfill --from "$1" --to "$(date -u -d "$1 + 1 day" +%F)" --candidates 20 --pause-if "$2" >"$work/backfill.log" 2>&1 &
    running=$!
    until_holds "the pause: $2" "$paused"
    before=$(ask "$shards")
    # Others write meanwhile; it does not.
    ask 'INSERT INTO public.noise SELECT generate_series(1, 1000)'
    sleep 3
    [[ $(ask "$shards") == "$before" ]] || die "$3: shards were made while the run was to pause"
    [[ $(ask "SELECT $paused") == t ]] || die "$3: the run went on while the replica was behind"
    printf '%s: %s\n' "$3" "$(ask "SELECT stage FROM nearline.runs WHERE state = 'running'")"
}
# goes_on HOW: the replica has caught up.
goes_on() {
    until_holds "$1: the run goes on" "$unpaused" 90
    wait "$running" || die "$1: the backfill failed"
    running=''
    grep -q 'going on' "$work/backfill.log" || die "$1: nobody said that it goes on"
    [[ $(ask "SELECT count(*) FROM nearline.release WHERE is_history AND state = 'validated'") == "$2" ]] || die "$1: no release"
    printf '%s: gone on with, the day is made\n' "$1"
}

of_replica 'SELECT pg_wal_replay_pause()'
ask 'INSERT INTO public.noise SELECT generate_series(1, 200000)'
backfill 2025-12-22 'replication-lag>1MB' 'replay paused, in bytes'
of_replica 'SELECT pg_wal_replay_resume()'
goes_on 'replay paused, in bytes' 1

of_replica 'SELECT pg_wal_replay_pause()'
ask 'INSERT INTO public.noise SELECT generate_series(1, 1000)'
sleep 4 # in which the replica falls behind
backfill 2025-12-23 'replication-lag>2s' 'replay paused, in seconds'
of_replica 'SELECT pg_wal_replay_resume()'
goes_on 'replay paused, in seconds' 2

frozen=$(receiver)
kill -STOP "$frozen"
ask 'INSERT INTO public.noise SELECT generate_series(1, 1000)'
sleep 4 # in which the replica falls behind
backfill 2025-12-24 'replication-lag>2s' 'the receiver is frozen'
kill -CONT "$frozen"
frozen=''
goes_on 'the receiver is frozen' 3

# A replica can be read, and takes no night.
user=$(ask 'SELECT min(user_id) FROM nearline.candidate')
until_holds 'the replica has it all' "bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication"
PGHOST=$replica "$nearline" lookup "$user" --json >"$work/replica.json" 2>"$work/lookup.log" || die 'the replica cannot be read'
"$nearline" lookup "$user" --json >"$work/primary.json"
diff <(sed 's/"age_seconds":[0-9.]*//' "$work/primary.json") <(sed 's/"age_seconds":[0-9.]*//' "$work/replica.json") ||
    die 'the replica answers otherwise'
status=0
PGHOST=$replica "$nearline" precompute --as-of 2026-01-01 --again >"$work/standby.log" 2>&1 || status=$?
((status == 69)) || die "a night on a replica ended with $status"
grep -q 'takes no changes' "$work/standby.log" || die 'a night on a replica does not say why it ends'

night=(precompute --as-of 2026-01-01 --candidates 21)
bytes() {
    ask "SELECT md5(string_agg(user_id || ' ' || md5(payload), ',' ORDER BY user_id)) FROM nearline.candidate
        WHERE release = (SELECT release FROM nearline.current_release)"
}
"$nearline" "${night[@]}" >"$work/calm.log" 2>&1 || die 'the undisturbed night failed'
whole=$(bytes)
"$nearline" rollback --reason 'for the fail-over' >"$work/rollback.log" 2>&1

# A shard takes a moment, so that there is time to strike.
ask "CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END';
    CREATE TRIGGER wait BEFORE UPDATE OF written_at ON nearline.release_shard FOR EACH ROW EXECUTE FUNCTION public.wait()"
until_holds 'the replica has it all' "bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication"

# The night has both servers' addresses. The log stops coming to the replica, some shards are made that it will not have, and
# the primary dies.
shards="count(*) FROM nearline.release_shard s JOIN nearline.release r USING (release) WHERE r.state = 'building' AND s.state = 'done'"
began=$SECONDS
PGHOST=$primary,$replica PGPORT=$PGPORT,$PGPORT PGTARGETSESSIONATTRS=read-write "$nearline" "${night[@]}" --again >"$work/night.log" 2>&1 &
running=$!
until_holds 'some shards' "(SELECT $shards) >= 5"
frozen=$(receiver)
kill -STOP "$frozen"
until_holds 'some more shards' "(SELECT $shards) >= 12"
made=$(ask "SELECT $shards")
data=$(ask 'SHOW data_directory')
kill -QUIT "$(head -n 1 "$data/postmaster.pid")"
export PGHOST=$replica
# What has come as far as the frozen process is lost with it; the replica begins again where it was.
kill -KILL "$frozen"
frozen=''
for ((look = 0; look < 300; look++)); do
    ! ask 'SELECT 1' >/dev/null 2>&1 || break
    sleep 0.1
done
sleep 3 # in which it goes through what it has
kept=$(ask "SELECT $shards")
[[ $(ask "SELECT pg_promote()") == t ]] || die 'the replica was not promoted'
echo "fail-over: the primary died with $made shards made, the replica took over with $kept of them"
((kept > 0 && kept < made)) || die 'the replica lacks nothing, or all of it: this showed nothing'
status=0
wait "$running" || status=$?
running=''
if ((status != 0)); then
    [[ $status == 69 || $status == 75 ]] || die "fail-over: the night ended with $status"
    echo "fail-over: the night ended with $status and is run again"
    "$nearline" "${night[@]}" --again >"$work/night.log" 2>&1 || die 'fail-over: it was not gone on with'
fi
grep -qE 'going on|attempt' "$work/night.log" || die 'fail-over: the night met no fault'
[[ $(bytes) == "$whole" ]] || die 'fail-over: the lists differ from undisturbed ones'
[[ $(ask "SELECT count(*) FROM nearline.release WHERE state = 'building'") == 0 ]] || die 'fail-over: a release was left unfinished'
echo "fail-over: $((SECONDS - began)) s, the same bytes"
echo 'soak-replica: pauses while a replica is behind, and gone on with where one takes over'
