#!/usr/bin/env bash
# Has a real cron call the very lines of cron/nearline.crontab, every minute: jobs/soak-cron.sh [MINUTES] (3)
#
# Only the five fields of the time are changed. In namespaces of its own, where the folder and the socket are where the
# crontab says, on a throwaway PostgreSQL. Fails where a day is made twice, where two runs of a command overlap, or where a
# job ends otherwise than a second start may. Needs root, and Debian's package cron. Not part of the tests: it takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly MINUTES=${1:-3} CLUSTER=.nearline/cron-pg

fail() {
    printf 'soak-cron: %s\n' "$*" >&2
    exit 1
}

need() {
    printf 'soak-cron: %s\n' "$*" >&2
    exit 66
}

# A mount namespace hides what it mounts from everybody else, and one of processes ends with all that cron has started.
if [[ ${SOAK_CRON_INSIDE:-} != yes ]]; then
    ((EUID == 0)) || need 'a cron of its own needs root'
    command -v cron >/dev/null || need 'there is no cron; run: apt-get install cron'
    jobs/setup.sh
    swift build -c release --product nearline </dev/null >&2
    SOAK_CRON_INSIDE=yes exec unshare --mount --pid --fork --mount-proc --propagation private "$PWD/jobs/soak-cron.sh" "$MINUTES"
fi

# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/nearline-soak-cron.XXXXXX")
cron_pid=''
# shellcheck disable=SC2317
clean_up() {
    [[ -z $cron_pid ]] || kill "$cron_pid" 2>/dev/null || true
    cluster_remove "$CLUSTER" || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The folder and the socket are where the crontab says; nothing of this machine's own crontabs is seen.
place() {
    local home=$1 sockets=$2
    mount -t tmpfs none /run
    mkdir -p /run/lock "$work/crontabs" "$work/empty" "$sockets"
    mount --bind "$PGHOST" "$sockets"
    [[ -d $home ]] || { mount -t tmpfs none "$(dirname "$home")" && mkdir -p "$home"; }
    mount --bind . "$home"
    mount --bind "$work/crontabs" /var/spool/cron/crontabs
    mount --bind "$work/empty" /etc/cron.d
    : >"$work/crontab" && mount --bind "$work/crontab" /etc/crontab
}

value() { sed -n "s/^$1=//p" cron/nearline.crontab; }

prepare() {
    export PGDATABASE
    PGDATABASE=$(value PGDATABASE)
    psql -q -v ON_ERROR_STOP=1 -d nearline -c "CREATE ROLE root SUPERUSER LOGIN" -c "CREATE DATABASE \"$PGDATABASE\""
    .build/release/nearline simulate "$work/shop" --users 200 --items 300 --days 20 >/dev/null
    .build/release/nearline migrate >/dev/null
    .build/release/nearline import "$work/shop/events.csv" "$work/shop/items.csv" >/dev/null
}

# The lines, and nothing but their times changed; a job that is not there is left out, and that is said.
install_crontab() {
    local line job
    while IFS= read -r line; do
        if [[ $line =~ ^([0-9*][^ ]*( +[^ ]+){4})\ +(jobs/[^ ]+)(.*)$ ]]; then
            job=${BASH_REMATCH[3]}
            [[ -x $job ]] || {
                echo "soak-cron: $job is not here, its line is left out" >&2
                continue
            }
            line="* * * * * $job${BASH_REMATCH[4]}"
        fi
        printf '%s\n' "$line"
    done <cron/nearline.crontab >"$work/crontabs/root"
    chmod 600 "$work/crontabs/root"
}

# The timers say the same as the crontab; a unit whose job is not there cannot be verified.
check_units() {
    local unit
    command -v systemd-analyze >/dev/null || {
        echo 'soak-cron: there is no systemd-analyze, the units are not verified' >&2
        return 0
    }
    for unit in cron/systemd/*.service; do
        [[ -x jobs/$(basename "${unit#*nearline-}" .service).sh ]] || continue
        systemd-analyze verify "$unit" "${unit%.service}.timer" || fail "$unit or its timer is not well"
    done
}

ask() { psql -qAt -v ON_ERROR_STOP=1 -c "$1"; }

check() {
    local twice overlaps odd days again
    days=$(ask "SELECT count(DISTINCT logical_date) FROM nearline.release WHERE state IN ('current', 'superseded')")
    twice=$(ask "SELECT count(*) FROM (SELECT FROM nearline.release WHERE logical_date IS NOT NULL
        GROUP BY logical_date HAVING count(*) > 1) t")
    overlaps=$(ask "SELECT count(*) FROM nearline.run a JOIN nearline.run b
        ON b.command = a.command AND b.run > a.run AND b.started_at < a.ended_at")
    odd=$(ask "SELECT count(*) FROM nearline.run WHERE state NOT IN ('done', 'running')")
    again=$(ask "SELECT count(*) - (SELECT count(*) FROM nearline.model) FROM nearline.run
        WHERE command = 'train' AND stage_seconds ? 'training'")
    ask "SELECT command, state, count(*) FROM nearline.run GROUP BY 1, 2 ORDER BY 1, 2"
    ((days >= 1)) || fail "no day was made; see $work"
    ((twice == 0)) || fail 'a day was made twice'
    ((again == 0)) || fail "$again models were trained again"
    ((overlaps == 0)) || fail 'two runs of one command were at work at once'
    ((odd == 0)) || fail "$odd runs did not end well"
    grep -q 'nothing to do: release 1 of' .nearline/cron.log || fail 'no second start found its day made'
}

cluster_remove "$CLUSTER"
CLUSTER_FSYNC=off cluster_start "$CLUSTER"
place "$(value HOME)" "$(value PGHOST)"
check_units
prepare
install_crontab
: >.nearline/cron.log
cron -f >"$work/cron.log" 2>&1 &
cron_pid=$!
sleep "$((MINUTES * 60 + 5))"
kill "$cron_pid" && cron_pid=''
# What it has started comes to its end.
for ((second = 0; second < 120; second++)); do
    (($(ask "SELECT count(*) FROM nearline.runs WHERE state = 'running'") > 0)) || break
    sleep 1
done
check
echo "soak-cron: $MINUTES minutes of every line each minute, each day made once, and no two runs of a command at once"
