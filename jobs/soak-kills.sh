#!/usr/bin/env bash
# Kills runs at random again and again, and checks that nothing is lost, wrong or left: jobs/soak-kills.sh [KILLS] [SEED]
#
# Every round makes a release with two processes, then refreshes the lists of users with new events. Meanwhile, after a random
# time, the run, its helper, both of them, one of their database sessions or the server is killed, or a process is frozen
# beyond its lease; then the same command is run again, until it gets through. The release must be byte-equal to an
# undisturbed one, no table may be left over, no event may be without a newer list, and a reader who looks lists up all the
# time must never miss one. Not part of the tests: 200 kills take a quarter of an hour.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh

kills=${1:-200}
seed=${2:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$seed
readonly CLUSTER=.nearline/kills-pg CANDIDATES=(20 21)
work=$(mktemp -d "${TMPDIR:-/tmp}/nearline-kills.XXXXXX")
reader=''
# shellcheck disable=SC2317
clean_up() {
    [[ -z $reader ]] || kill "$reader" 2>/dev/null || true
    pkill -KILL -f -- "--models $work/models" 2>/dev/null || true
    cluster_remove "$CLUSTER" || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

die() {
    printf 'soak-kills: %s (seed %d)\n' "$*" "$seed" >&2
    tail -n 30 "$work/run.log" >&2 || true
    exit 1
}
sql() { psql -qAtX -v ON_ERROR_STOP=1 -c "$1"; }

jobs/setup.sh
swift build -c release --product nearline </dev/null >"$work/build.log" 2>&1 || die "$(tail -n 20 "$work/build.log")"
PATH=$(swift build -c release --show-bin-path):$PATH
cluster_remove "$CLUSTER"
cluster_start "$CLUSTER"
export NEARLINE_MODELS=$work/models NEARLINE_SHARD_USERS=50 NEARLINE_EPOCHS=1 NEARLINE_WIDTH=16 NEARLINE_THREADS=2
nearline migrate >/dev/null
nearline simulate "$work" --users 2000 --items 400 --days 30 >/dev/null 2>&1
nearline import "$work/events.csv" "$work/items.csv" >/dev/null 2>&1
nearline train --as-of 2026-01-01 >/dev/null 2>&1
nearline refresh --install >/dev/null 2>&1

# make CANDIDATES [OPTION ...]: the command that is killed.
make() { nearline precompute --as-of 2026-01-01 --workers 2 --candidates "$@" --models "$work/models"; }
bytes() {
    sql "SELECT md5(string_agg(user_id || ' ' || md5(payload), ',' ORDER BY user_id)) FROM nearline.candidate
        WHERE release = (SELECT release FROM nearline.current_release)"
}

data=$(sql 'SHOW data_directory')
# As after a power cut: the server's log is gone through again.
restart_server() {
    runuser -u "$(stat -c %U "$data")" -- "$(postgres_bindir)/pg_ctl" -D "$data" -s -w -m immediate -l "$data/server.log" restart
}

# refresh_killed: some users do something, and the refresh is killed until one gets through; then nobody may wait, and each of
# them must be served a list that has seen it.
refresh_killed() {
    local run status
    sql "INSERT INTO shop.events (user_id, item_id, occurred_at, action)
        SELECT user_id, (SELECT min(item_id) FROM shop.events), clock_timestamp(), 'click'
        FROM (SELECT DISTINCT user_id FROM nearline.candidate ORDER BY user_id LIMIT 400) u"
    while :; do
        NEARLINE_REFRESH_USERS=50 nearline refresh --models "$work/models" >>"$work/run.log" 2>&1 &
        run=$!
        sleep "0.$((RANDOM % 400 + 100))"
        if kill -KILL "$run" 2>/dev/null; then
            done_kills=$((done_kills + 1))
            struck[refresh]=$((struck[refresh] + 1))
        fi
        status=0
        wait "$run" 2>/dev/null || status=$?
        ((status != 0)) || break
        [[ $status == 137 ]] || die "the refresh ended with $status"
    done
    [[ $(sql 'SELECT count(*) FROM nearline.touched') == 0 ]] || die 'a refresh left users waiting'
    [[ $(sql "SELECT count(*) FROM (SELECT user_id, max(occurred_at) AS last FROM shop.events
        WHERE occurred_at > '2026-06-01' GROUP BY 1) e LEFT JOIN nearline.overlay o ON o.user_id = e.user_id
            AND o.release = (SELECT release FROM nearline.current_release)
        WHERE o.as_of IS NULL OR o.as_of < e.last") == 0 ]] || die 'an event was skipped'
}

declare -A expected
for candidates in "${CANDIDATES[@]}"; do
    make "$candidates" >"$work/run.log" 2>&1 || die 'the undisturbed run failed'
    expected[$candidates]=$(bytes)
done

# Whoever finds no whole list writes down what was found.
mapfile -t users < <(sql 'SELECT user_id FROM nearline.candidate ORDER BY random() LIMIT 100')
(
    while :; do
        # While the server comes up again there is nobody to ask.
        found=$(sql "SELECT count(*) FROM nearline.candidates WHERE user_id = ${users[RANDOM % 100]}" 2>/dev/null) || continue
        [[ $found == 20 || $found == 21 ]] || echo "$found" >>"$work/faults"
        echo >>"$work/reads"
    done
) &
reader=$!

done_kills=0 round=0 resumed=0 worst=0
declare -A struck=([run]=0 [helper]=0 [both]=0 [session]=0 [server]=0 [frozen]=0 [refresh]=0)
while ((done_kills < kills)); do
    round=$((round + 1))
    candidates=${CANDIDATES[$((round % 2))]}
    again=(--again)
    while :; do
        begun=$(sql 'SELECT clock_timestamp()')
        make "$candidates" "${again[@]}" >>"$work/run.log" 2>&1 &
        run=$!
        sleep "0.$((RANDOM % 900 + 100))"
        main=$(pgrep -P "$run" -x nearline | head -n 1 || true)
        helper=$([[ -z $main ]] || pgrep -P "$main" -x nearline | head -n 1 || true)
        main=${main:-$run}
        case $((RANDOM % 20)) in
            [0-7]) kind=run ;;
            [8-9] | 1[0-2]) kind=both ;;
            1[3-5]) kind=helper ;;
            1[67]) kind=session ;;
            18) kind=server ;;
            *) kind=frozen ;;
        esac
        [[ -n $helper || $kind != helper ]] || kind=run
        hit=true
        case $kind in
            run) kill -KILL "$main" 2>/dev/null || hit=false ;;
            helper) kill -KILL "$helper" 2>/dev/null || hit=false ;;
            both) kill -KILL "$main" ${helper:+"$helper"} 2>/dev/null || hit=false ;;
            session)
                [[ $(sql "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
                    WHERE application_name ~ '^nearline (precompute|work)' ORDER BY random() LIMIT 1) one") == 1 ]] || hit=false
                ;;
            server) restart_server ;;
            frozen) kill -STOP "$main" 2>/dev/null || hit=false ;;
        esac
        if $hit; then
            done_kills=$((done_kills + 1))
            struck[$kind]=$((struck[$kind] + 1))
        fi
        started=$SECONDS
        if $hit && [[ $kind == frozen ]]; then
            # One that had not begun, or had published, has nothing to lose.
            has_lost=$(sql "SELECT count(*) FROM nearline.run WHERE command = 'precompute' AND state = 'running'
                AND started_at >= '$begun' AND release IS DISTINCT FROM (SELECT release FROM nearline.current_release)")
            # Beyond the lease somebody else finishes; what the frozen one sends afterwards is refused.
            until make "$candidates" "${again[@]}" >>"$work/run.log" 2>&1; do
                ((SECONDS - started < 90)) || die "a frozen run held the others up for more than 90 s"
                sleep 2
            done
            kill -CONT "$main" 2>/dev/null || true
        fi
        status=0
        wait "$run" 2>/dev/null || status=$?
        # A killed process's children may still be giving back what they hold.
        while pgrep -f -- "--models $work/models" >/dev/null; do sleep 0.05; done
        echo "soak-kills: $kind, hit $hit, ended with $status after $((SECONDS - started)) s" >>"$work/run.log"
        ((SECONDS - started <= worst)) || worst=$((SECONDS - started))
        if $hit && [[ $kind == frozen ]]; then
            [[ $status == 75 || $has_lost == 0 ]] || die "a run that was frozen beyond its lease ended with $status"
            break
        fi
        ((status != 0)) || break
        [[ $status == 137 || $status == 69 || $status == 75 ]] || die "the run ended with $status"
        resumed=$((resumed + 1))
        again=()
    done
    [[ $(bytes) == "${expected[$candidates]}" ]] || die "release of round $round differs from the undisturbed one"
    refresh_killed
    nearline prune --keep 2 >>"$work/run.log" 2>&1 || die 'prune failed'
    [[ $(sql "SELECT count(*) FROM nearline.release WHERE state = 'building'") == 0 ]] || die 'a release was left unfinished'
    left=$(sql "SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'nearline'::regnamespace AND c.relkind = 'r'
        AND c.relname ~ '_r[0-9]+$' AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)")
    [[ $left == 0 ]] || die "$left tables were left over"
    [[ ! -s $work/faults ]] || die "a reader found $(sort "$work/faults" | uniq -c | head -n 3)"
done
kill "$reader" 2>/dev/null || true
reader=''
printf '%d kills in %d rounds (run %d, helper %d, both %d, session %d, server %d, frozen %d, refresh %d), gone on with %d times; ' \
    "$done_kills" "$round" "${struck[run]}" "${struck[helper]}" "${struck[both]}" "${struck[session]}" \
    "${struck[server]}" "${struck[frozen]}" "${struck[refresh]}" "$resumed"
printf '%d lookups, none without a whole list; nothing left over; nobody waited more than %d s (seed %d)\n' \
    "$(wc -l <"$work/reads")" "$worst" "$seed"
