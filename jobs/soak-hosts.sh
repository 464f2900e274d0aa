#!/usr/bin/env bash
# Three hosts make one release over a network that is slow, loses packets and is cut; then the same through PgBouncer in
# transaction mode: jobs/soak-hosts.sh
#
# Hosts are network namespaces of this machine with addresses of their own (10.77.0.0/24), so this is for root, with iproute2
# and, for the second half, PgBouncer from Debian. Every release must be byte-equal to one that was made undisturbed, and
# nobody may be held up by a host that is gone for longer than 90 s. Not part of the tests: it waits for leases to run out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh

readonly CLUSTER=.nearline/hosts-pg BRIDGE=nl-soak NET=10.77.0 PORT=5432 POOL=6432
work=$(mktemp -d "${TMPDIR:-/tmp}/nearline-hosts.XXXXXX")
chmod 755 "$work"
# shellcheck disable=SC2317
clean_up() {
    local host
    pkill -KILL -f -- "--models $work/models" 2>/dev/null || true
    [[ ! -s $work/pgbouncer.pid ]] || kill "$(cat "$work/pgbouncer.pid")" 2>/dev/null || true
    for host in 1 2 3; do ip netns del "nl-h$host" 2>/dev/null || true; done
    ip link del "$BRIDGE" 2>/dev/null || true
    cluster_remove "$CLUSTER" || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

die() {
    printf 'soak-hosts: %s\n' "$*" >&2
    tail -n 12 "$work"/*.log >&2 || true
    exit 1
}
sql() { psql -qAtX -v ON_ERROR_STOP=1 -c "$1"; }
if [[ $(id -u) != 0 ]] || ! command -v ip tc >/dev/null; then die 'network namespaces need root and iproute2'; fi

jobs/setup.sh
swift build -c release --product nearline </dev/null >"$work/build.log" 2>&1 || die 'the build failed'
nearline=$(swift build -c release --show-bin-path)/nearline
cluster_remove "$CLUSTER"
cluster_start "$CLUSTER"
socket=$PGHOST

ip link add "$BRIDGE" type bridge
ip addr add "$NET.254/24" dev "$BRIDGE"
ip link set "$BRIDGE" up
for host in 1 2 3; do
    ip netns add "nl-h$host"
    ip link add "nl-v$host" type veth peer name eth0 netns "nl-h$host"
    ip link set "nl-v$host" master "$BRIDGE" up
    ip -n "nl-h$host" addr add "$NET.$host/24" dev eth0
    ip -n "nl-h$host" link set lo up
    ip -n "nl-h$host" link set eth0 up
    # Packets as on a wire: a queue of a few kilobytes takes no heap of them at once.
    ip netns exec "nl-h$host" ethtool -K eth0 tso off gso off >/dev/null 2>&1 || true
    ethtool -K "nl-v$host" tso off gso off >/dev/null 2>&1 || true
done
# The private cluster is there for its socket alone; here it gets an address too.
data=$(sql 'SHOW data_directory')
echo "host all all $NET.0/24 trust" >>"$data/pg_hba.conf"
runuser -u "$(stat -c %U "$data")" -- "$(postgres_bindir)/pg_ctl" -D "$data" -s -w -l "$data/server.log" restart \
    -o "-p $PORT -c unix_socket_directories=$socket -c listen_addresses=$NET.254" || die 'the server did not start again'

# way HOST DELAY LOSS RATE QUEUE: a bad way there. Where the kernel cannot delay (netem), a narrow one whose queue makes packets
# late, or drops them where it is short.
way() {
    tc qdisc add dev "nl-v$1" root netem delay "$2" loss "$3" 2>/dev/null ||
        tc qdisc add dev "nl-v$1" root tbf rate "$4" burst 2kb limit "$5"
}
way 1 20ms 0% 3mbit 60kb
way 2 20ms 2% 2mbit 6kb
way 3 40ms 0% 1mbit 120kb

export NEARLINE_MODELS=$work/models NEARLINE_SHARD_USERS=50 NEARLINE_EPOCHS=1 NEARLINE_WIDTH=16 NEARLINE_THREADS=1
{
    "$nearline" migrate
    "$nearline" simulate "$work" --users 2000 --items 400 --days 30
    "$nearline" import "$work/events.csv" "$work/items.csv"
    "$nearline" train --as-of 2026-01-01
} >"$work/setup.log" 2>&1 || die 'the shop could not be made'

port=$PORT
# on HOST COMMAND ...: a command of ours on that host.
on() {
    local host=$1
    shift
    PGHOST=$NET.254 PGPORT=$port ip netns exec "nl-h$host" "$nearline" "$@" --models "$work/models"
}
night=(precompute --as-of 2026-01-01 --candidates 20 --again)
bytes() {
    sql "SELECT md5(string_agg(user_id || ' ' || md5(payload), ',' ORDER BY user_id)) FROM nearline.candidate
        WHERE release = (SELECT release FROM nearline.current_release)"
}
running() { sql "SELECT coalesce(max(run), 0) FROM nearline.run WHERE command = 'precompute' AND state = 'running'"; }
done_shards() {
    sql "SELECT count(*) FROM nearline.release_shard s JOIN nearline.release r USING (release)
        WHERE r.state = 'building' AND s.state = 'done'"
}
# until_done COUNT: waits until so many shards of the release in the making are done.
until_done() {
    local look
    for ((look = 0; look < 600; look++)); do
        [[ $(done_shards) -lt $1 ]] || return 0
        sleep 0.1
    done
    die "not even $1 shards within a minute"
}
same() {
    [[ $(bytes) == "$whole" ]] || die "$1: the lists differ from the undisturbed ones"
    [[ $(sql "SELECT count(*) FROM nearline.release WHERE state = 'building'") == 0 ]] || die "$1: a release was left unfinished"
    printf '%s: %d s, the same bytes; packets dropped on the way so far: %d; shards by worker: %s\n' "$1" $((SECONDS - began)) \
        "$(tc -s qdisc show | awk '/qdisc/ { ours = /nl-v/ } ours && /dropped/ { gsub(/[^0-9 ]/, ""); n += $3 } END { print n + 0 }')" \
        "$(sql "SELECT string_agg(n::text, ' + ') FROM (SELECT count(*) AS n FROM nearline.release_shard
            WHERE release = (SELECT release FROM nearline.current_release) AND worker IS NOT NULL GROUP BY worker) w")"
}

"$nearline" "${night[@]}" --models "$work/models" >"$work/calm.log" 2>&1 || die 'the undisturbed run failed'
whole=$(bytes)

# help: both other hosts join the run as soon as there is one.
help() {
    local look run=0
    for ((look = 0; look < 200 && run == 0; look++)); do
        run=$(running)
        sleep 0.05
    done
    until_done 1
    on 2 work --run "$run" >"$work/h2.log" 2>&1 &
    two=$!
    on 3 work --run "$run" >"$work/h3.log" 2>&1 &
    three=$!
}

began=$SECONDS
on 1 "${night[@]}" >"$work/h1.log" 2>&1 &
one=$!
help
wait "$one" || die 'three hosts: the run failed'
wait "$two" "$three" || true
same 'three hosts'

began=$SECONDS
on 1 "${night[@]}" >"$work/h1.log" 2>&1 &
one=$!
help
until_done 8
ip link set nl-v3 down
wait "$one" || die 'a helper is cut off: the run failed'
((SECONDS - began < 100)) || die "a helper that was cut off held the run up for $((SECONDS - began)) s"
wait "$two" || true
ip link set nl-v3 up
wait "$three" || true
same 'a helper is cut off'

began=$SECONDS
on 1 "${night[@]}" >"$work/h1.log" 2>&1 &
one=$!
until_done 8
ip link set nl-v1 down
cut=$SECONDS
until on 2 "${night[@]}" >"$work/h2.log" 2>&1; do
    ((SECONDS - cut < 90)) || die 'a run that was cut off held the next one up for more than 90 s'
    sleep 1
done
grep -q 'going on with an unfinished release' "$work/h2.log" || die 'the run that was cut off was not gone on with'
ip link set nl-v1 up
status=0
wait "$one" || status=$?
[[ $status == 75 || $status == 69 ]] || die "the run that was cut off ended with $status"
same 'the run is cut off'

if ! command -v pgbouncer >/dev/null; then
    echo 'skipped: there is no PgBouncer here (Debian: pgbouncer)'
    exit 0
fi
cat >"$work/pgbouncer.ini" <<END
[databases]
* = host=$NET.254 port=$PORT user=$PGUSER
[pgbouncer]
listen_addr = $NET.254
listen_port = $POOL
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 6
ignore_startup_parameters = extra_float_digits,options
pidfile = $work/pgbouncer.pid
logfile = $work/pgbouncer.log
END
chown -R nobody "$work"
chmod 755 "$work"
pgbouncer -q -d -u nobody "$work/pgbouncer.ini" || die 'PgBouncer did not start'
port=$POOL
began=$SECONDS
on 1 "${night[@]}" >"$work/h1.log" 2>&1 &
one=$!
help
wait "$one" || die 'through PgBouncer: the run failed'
wait "$two" "$three" || true
same 'through PgBouncer'

began=$SECONDS
on 1 "${night[@]}" >"$work/h1.log" 2>&1 &
one=$!
until_done 8
pkill -KILL -f "precompute --as-of.*--models $work/models"
wait "$one" 2>/dev/null || true
cut=$SECONDS
until on 2 "${night[@]}" >"$work/h2.log" 2>&1; do
    ((SECONDS - cut < 90)) || die 'a killed run held the next one up for more than 90 s'
    sleep 1
done
grep -q 'going on with an unfinished release' "$work/h2.log" || die 'the killed run was not gone on with'
same 'killed behind PgBouncer'
