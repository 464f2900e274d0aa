# shellcheck shell=bash
# A private PostgreSQL cluster for a demo or a test run: reached by a unix socket only, in a folder that nobody else may
# enter. Sourced, never run. Silent when all is well; whatever was killed, and whenever, the next start puts right.
#
#     cluster_start DIR     makes the cluster when there is none, starts it, exports PGHOST PGPORT PGUSER PGDATABASE
#     cluster_replica DIR   makes a streaming replica of the cluster that PGHOST and PGPORT lead to, and starts it; they lead
#                           to the replica then
#     cluster_running DIR   whether its server runs
#     cluster_stop DIR      stops the server and keeps the data
#     cluster_remove DIR    stops the server and removes everything that cluster_start made, but for the lock
#
# Beside DIR: DIR.lock (one of these at a time), DIR.log (the server's), DIR.location (where the data is, when it could
# not be in DIR). CLUSTER_FSYNC=off makes a throwaway cluster that does not outlive a power cut.
#
# The helpers read their caller's `dir` (absolute), `data` (the data folder, or empty), `user` (who runs the server) and
# `primary` (what a replica follows, or empty).

# shellcheck source-path=SCRIPTDIR source=postgres.sh
source "${BASH_SOURCE[0]%/*}/postgres.sh"
# shellcheck source-path=SCRIPTDIR source=cluster-place.sh
source "${BASH_SOURCE[0]%/*}/cluster-place.sh"

readonly CLUSTER_PORT=5432

cluster_start() {
    local dir data user primary=''
    dir=$(realpath -m -- "$1") && mkdir -p -- "${dir%/*}" || return 74
    # The server takes defaults from PG* variables too, so they go before anything starts.
    _cluster_forget_environment
    _cluster_alone _cluster_find _cluster_make _cluster_bring_up
}

cluster_replica() {
    local dir data user primary="host=$PGHOST port=$PGPORT user=$PGUSER"
    dir=$(realpath -m -- "$1") && mkdir -p -- "${dir%/*}" || return 74
    _cluster_forget_environment
    _cluster_alone _cluster_find _cluster_make _cluster_bring_up
}

cluster_running() {
    local dir data user
    dir=$(realpath -m -- "$1") && _cluster_find && _cluster_postmaster >/dev/null
}

cluster_stop() {
    local dir data user farewell=INT
    dir=$(realpath -m -- "$1") && [[ -d ${dir%/*} ]] || return 0
    _cluster_alone _cluster_find _cluster_shut_down
}

cluster_remove() {
    local dir data user farewell=QUIT
    dir=$(realpath -m -- "$1") && [[ -d ${dir%/*} ]] || return 0
    # The lock stays: another process may be waiting for this very file.
    _cluster_alone _cluster_find _cluster_shut_down _cluster_remove_files
}

_cluster_say() { printf 'cluster: %s\n' "$*" >&2; }

# _cluster_alone STEP...: takes the steps one after the other, up to the first that fails, while holding DIR.lock.
_cluster_alone() {
    local step status=0
    # Group, not subshell: the exports have to reach the caller.
    {
        _cluster_lock || return $?
        for step in "$@"; do
            "$step" || {
                status=$?
                break
            }
        done
        cluster_held=''
    } 9>>"$dir.lock" || status=74
    return "$status"
}

# A trap that ends a script in the middle of a start finds the lock taken by the script itself.
_cluster_lock() {
    [[ ${cluster_held:-} != "$dir" ]] || return 0
    if ! flock -w 300 9; then
        _cluster_say "another process has held $dir.lock for five minutes; end it and try again"
        return 75
    fi
    cluster_held=$dir
}

# Any of them could lead a client, or the server's own defaults, somewhere else.
_cluster_forget_environment() {
    local name
    for name in "${!PG@}"; do
        [[ ! $name =~ ^PG[A-Z] ]] || unset -v "$name"
    done
}

# Initialises a cluster beside its place and renames it in: a kill leaves a whole cluster or none.
_cluster_make() {
    [[ -z $data ]] || return 0
    local bindir place='' fresh=''
    bindir=$(postgres_bindir) || {
        _cluster_say "no server programs of PostgreSQL $OLDEST_POSTGRES or later; run jobs/setup.sh"
        return 66
    }
    _cluster_choose_place || return $?
    local -a options=(
        --username=nearline --auth-local=trust --auth-host=reject
        --encoding=UTF8 --no-locale --data-checksums --no-instructions
    )
    [[ ${CLUSTER_FSYNC:-on} != off ]] || options+=(--no-sync)
    if ! if [[ -n $primary ]]; then
        _cluster_as_server "$bindir/pg_basebackup" --pgdata="$fresh" --dbname="$primary" --checkpoint=fast --write-recovery-conf
    else
        _cluster_as_server "$bindir/initdb" --pgdata="$fresh" "${options[@]}" &&
            _cluster_as_server "$bindir/postgres" --single -D "$fresh" -c fsync="${CLUSTER_FSYNC:-on}" \
                -c exit_on_error=on postgres <<<'CREATE DATABASE nearline'
    fi >>"$dir.log" 2>&1; then
        rm -rf -- "$fresh"
        _cluster_show_log
        _cluster_say "no cluster could be made in $place; the lines above say why"
        return 74
    fi
    _cluster_settle || return $?
}

# Ends with a server that answers, whoever started it, or with the reason why there is none.
_cluster_bring_up() {
    local attempt farewell=INT
    for attempt in 1 2 3; do
        ! _cluster_has_lost_its_socket || _cluster_shut_down || return $?
        if ! _cluster_postmaster >/dev/null; then
            _cluster_clear_leftovers && _cluster_launch "$attempt" || return $?
        fi
        # A server that a killed run left in recovery, or that started between the look and the launch, is as good.
        ! _cluster_wait_until_it_answers || return 0
    done
    _cluster_show_log
    _cluster_say "the server in $data does not start; the lines above say why, $dir.log has the rest"
    return 69
}

# What is left of a server whose postmaster is gone keeps a new one from starting.
_cluster_clear_leftovers() {
    local pid file sockets
    _cluster_end_processes QUIT 5 || _cluster_end_processes KILL 10 || {
        _cluster_say "processes of an earlier server stay in $data: $(_cluster_processes | xargs)"
        return 69
    }
    # PostgreSQL replaces a lock file whose process is dead. When the number now belongs to another process, or to one
    # that nobody has reaped, it cannot know; we do, having seen that no server works in this folder.
    sockets=$(_cluster_socket_place)
    for file in "$data/postmaster.pid" "$data"/.s.PGSQL.*.lock "${sockets:-$data}"/.s.PGSQL.*.lock; do
        { [[ -f $file ]] && read -r pid <"$file"; } 2>/dev/null || continue
        [[ ! -e /proc/${pid#-} ]] || rm -f -- "$file"
    done
}

# _cluster_launch ATTEMPT: starts a server and waits for it. A failure is the caller's to see, by its silence.
_cluster_launch() {
    local version bindir sockets
    version=$(<"$data/PG_VERSION")
    if ! bindir=$(postgres_bindir "$version"); then
        _cluster_say "$data was made by PostgreSQL $version, whose server is not installed:" \
            "install postgresql-$version, or remove that folder to start anew"
        return 66
    fi
    # Some file systems hold no sockets: what failed in the data folder is tried outside it.
    sockets=$data
    if (($1 > 1)) || ! _cluster_fits_socket "$sockets"; then
        sockets=$(_cluster_make_socket_place) || return $?
    fi
    local settings="-c listen_addresses='' -c port=$CLUSTER_PORT -c unix_socket_directories='$sockets'"
    settings+=' -c unix_socket_permissions=0700 -c shared_buffers=256MB -c maintenance_work_mem=128MB'
    settings+=' -c max_wal_size=4GB -c checkpoint_timeout=15min -c log_checkpoints=off'
    if [[ ${CLUSTER_FSYNC:-on} == off ]]; then
        settings+=' -c fsync=off -c synchronous_commit=off -c full_page_writes=off'
    fi
    # Containers often have 64 MB of /dev/shm, too little for a parallel join.
    if (($(stat -f -c '%b * %S' /dev/shm 2>/dev/null || echo 0) < 256 << 20)); then
        settings+=' -c dynamic_shared_memory_type=mmap'
    fi
    _cluster_turn_log
    (
        # The server outlives us; what it inherits stays open as long as it does, locks and pipes included.
        for descriptor in /proc/self/fd/*; do
            descriptor=${descriptor##*/}
            ((descriptor < 3 || descriptor == 255)) || eval "exec $descriptor>&-"
        done
        _cluster_as_server "$bindir/pg_ctl" start --silent --wait --timeout=120 --pgdata="$data" --options="$settings"
    ) </dev/null >>"$dir.log" 2>&1 || true
}

_cluster_turn_log() {
    if [[ -f $dir.log ]] && (($(stat -c %s -- "$dir.log") > 16 << 20)); then
        mv -f -- "$dir.log" "$dir.log.1"
    fi
}

# Waits for the server at work in `data`, then exports the way to it. Its lock file says port and socket folder,
# which may be another run's choice.
# A server that is ready but has no socket answers nobody any more: its folder was removed under it and made anew, or a
# server that was here before took the socket with it when it ended.
_cluster_has_lost_its_socket() {
    local -a lines
    _cluster_postmaster >/dev/null || return 1
    mapfile -t lines <"$data/postmaster.pid"
    [[ ${lines[7]:-} == ready* && ! -S ${lines[4]}/.s.PGSQL.${lines[3]} ]]
}

_cluster_wait_until_it_answers() {
    local bindir ends=$((SECONDS + 120))
    local -a lines
    bindir=$(postgres_bindir) || return $?
    while _cluster_postmaster >/dev/null && ! _cluster_has_lost_its_socket && ((SECONDS < ends)); do
        mapfile -t lines <"$data/postmaster.pid"
        if [[ ${lines[4]:-} == /* ]] &&
            "$bindir/pg_isready" -q -h "${lines[4]}" -p "${lines[3]}" -U nearline -d nearline; then
            export PGHOST=${lines[4]} PGPORT=${lines[3]} PGUSER=nearline PGDATABASE=nearline
            return 0
        fi
        sleep 0.05
    done
    return 1
}

# Sends the postmaster its `farewell`: after INT it sees its clients off and writes a checkpoint, after QUIT neither.
_cluster_shut_down() {
    local pid
    [[ -n $data ]] || return 0
    if pid=$(_cluster_postmaster); then
        kill "-$farewell" "$pid" 2>/dev/null || true
        _cluster_wait_for_end 120 || true
    fi
    _cluster_end_processes QUIT 10 || _cluster_end_processes KILL 10 || {
        _cluster_say "the server in $data does not end: $(_cluster_processes | xargs)"
        return 69
    }
}

# Every process of a server that works in `data`. A server's folder is its working folder, which tells it from a
# stranger that was given the same number; only the server's own user may ask in a container.
_cluster_processes() {
    # shellcheck disable=SC2016
    _cluster_as_server bash -c 'for process in /proc/[0-9]*; do
        [[ $process/cwd -ef $1 ]] && read -r name <$process/comm && [[ $name == postgres ]] && echo "${process#/proc/}"
    done' bash "$data" 2>/dev/null || true
}

# Prints the number of the postmaster at work in `data`, fails when there is none.
_cluster_postmaster() {
    local pid
    { [[ -n $data ]] && read -r pid <"$data/postmaster.pid"; } 2>/dev/null || return 1
    _cluster_processes | grep -x -- "$pid"
}

_cluster_end_processes() {
    local -a pids
    mapfile -t pids < <(_cluster_processes)
    ((${#pids[@]} > 0)) || return 0
    kill "-$1" "${pids[@]}" 2>/dev/null || true
    _cluster_wait_for_end "$2"
}

_cluster_wait_for_end() {
    local ends=$((SECONDS + $1))
    while [[ -n $(_cluster_processes) ]]; do
        ((SECONDS < ends)) || return 1
        sleep 0.05
    done
}

_cluster_show_log() {
    tail -n 15 -- "$dir.log" >&2 || true
}
