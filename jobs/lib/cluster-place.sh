# shellcheck shell=bash
# Where a cluster's files are, and who owns them. Part of cluster.sh, which says what the helpers read and set.
#
# PostgreSQL refuses to run as root, so for root the server runs as another user, who has to be able to reach the
# folder: not so in a clone in root's own 0700 folder. Then the data goes to a temporary folder, named after DIR.

# Sets `user`, and `data`: the folder with the cluster of `dir`, empty when there is none yet.
_cluster_find() {
    local place
    data=''
    _cluster_choose_user || return $?
    if _cluster_is_whole "$dir"; then
        data=$dir
        return 0
    fi
    while IFS= read -r place; do
        if _cluster_is_whole "$place" && _cluster_is_the_servers "$place"; then
            data=$place
            return 0
        fi
    done < <(_cluster_remembered_place; _cluster_temporary_folders "nearline-$(_cluster_mark)")
}

# The owner of a cluster that exists runs it; a new one of root's is run by Debian's user.
_cluster_choose_user() {
    if ((EUID != 0)); then
        user=$(id -un)
        return 0
    fi
    user=$(stat -c %U -- "$dir" 2>/dev/null) || user=root
    [[ $user != root && $user != UNKNOWN ]] || user=postgres
    id -u "$user" >/dev/null 2>&1 && _cluster_as_server true 2>/dev/null && return 0
    _cluster_say "PostgreSQL does not run as root and the user '$user' cannot be used instead;" \
        "run jobs/setup.sh, or run this as another user"
    return 77
}

# From /, because the server's user may not even look at the folder that we are in.
_cluster_as_server() (
    cd /
    export LC_ALL=C
    ((EUID != 0)) || set -- setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups -- "$@"
    exec "$@"
)

_cluster_is_whole() {
    [[ -f $1/PG_VERSION && -f $1/global/pg_control ]]
}

# In a folder where everybody may write, a name alone proves nothing.
_cluster_is_the_servers() {
    [[ ! -L $1 && $(stat -c %U -- "$1" 2>/dev/null) == "$user" ]]
}

# Two users, or two clones, never share a temporary folder.
_cluster_mark() {
    printf '%s\n%s\n' "$EUID" "$dir" | sha256sum | cut -c 1-16
}

_cluster_temporary_folders() {
    local folder
    for folder in "${TMPDIR:-/tmp}" /tmp /var/tmp; do
        folder=$(realpath -m -- "$folder")
        printf '%s/%s\n' "${folder%/}" "$1"
    done
}

# DIR.location names the folder that it was written for: in a copy of the clone it speaks of the original's.
_cluster_remembered_place() {
    local -a lines
    { mapfile -t lines <"$dir.location"; } 2>/dev/null || return 0
    [[ ${lines[0]:-} != "$dir" || -z ${lines[1]:-} ]] || printf '%s\n' "${lines[1]}"
}

# Sets `place`, where the cluster is going to be, and `fresh`, an empty folder beside it that the server's user owns.
_cluster_choose_place() {
    if [[ -e $dir ]] && ! rmdir -- "$dir" 2>/dev/null; then
        _cluster_say "$dir is there and is no PostgreSQL cluster; move it away and try again"
        return 65
    fi
    while IFS= read -r place; do
        rm -rf -- "$place".new.?????? 2>/dev/null || true
        # Somebody else's folder of that name, put there by chance or not.
        [[ ! -e $place && ! -L $place ]] || _cluster_is_the_servers "$place" || continue
        ! fresh=$(_cluster_make_fresh "$place") || return 0
    done < <(printf '%s\n' "$dir"; _cluster_temporary_folders "nearline-$(_cluster_mark)")
    _cluster_say "the user '$user' cannot own a folder in ${dir%/*}, in ${TMPDIR:-/tmp} or in /var/tmp"
    return 74
}

# Prints an empty folder beside the place, when the server's user can own and reach one there.
_cluster_make_fresh() {
    local folder
    # These mean something to the shell that pg_ctl starts, to PostgreSQL's lists, or to libpq's PGHOST.
    [[ $1 != *[[:cntrl:]\"\'\`\$\\,%*?[]* ]] || return 1
    folder=$(mktemp -d -- "$1.new.XXXXXX" 2>/dev/null) || return 1
    ((EUID != 0)) || chown -- "$user:" "$folder" 2>/dev/null || true
    # Some shared folders say yes to chown and chmod and do nothing, so ask the one that it is for.
    # shellcheck disable=SC2016
    if _cluster_as_server bash -c 'cd "$1" && : >probe && rm probe && [[ -O . && $(stat -c %a .) == 700 ]]' \
        bash "$folder" 2>/dev/null; then
        printf '%s\n' "$folder"
        return 0
    fi
    rm -rf -- "$folder"
    return 1
}

# Renames `fresh` to `place` and has `data` say so.
_cluster_settle() {
    if [[ $place != "$dir" ]]; then
        printf '%s\n%s\n' "$dir" "$place" >"$dir.location.new" || return 74
        mv -f -- "$dir.location.new" "$dir.location" || return 74
        # A cleaner of temporary folders leaves half of one behind.
        ! _cluster_is_the_servers "$place" || rm -rf -- "$place"
    fi
    mv -T -- "$fresh" "$place" || return 74
    data=$place
}

# A socket's whole path has 107 bytes at most, whatever the characters.
_cluster_fits_socket() {
    local LC_ALL=C
    local path=$1/.s.PGSQL.$CLUSTER_PORT
    ((${#path} <= 107))
}

# Prints the folder for sockets outside the data folder, when there is one.
_cluster_socket_place() {
    local folder
    while IFS= read -r folder; do
        if [[ -d $folder ]] && _cluster_is_the_servers "$folder"; then
            printf '%s\n' "$folder"
            return 0
        fi
    done < <(_cluster_temporary_folders "nearline-$(_cluster_mark)-socket")
}

_cluster_make_socket_place() {
    local folder
    while IFS= read -r folder; do
        _cluster_fits_socket "$folder" && [[ $folder != *[[:cntrl:]\"\'\`\$\\,%]* ]] || continue
        _cluster_as_server mkdir -m 0700 -- "$folder" 2>/dev/null || true
        if [[ -d $folder ]] && _cluster_is_the_servers "$folder"; then
            printf '%s\n' "$folder"
            return 0
        fi
    done < <(_cluster_temporary_folders "nearline-$(_cluster_mark)-socket")
    _cluster_say "no folder is short enough for a socket (107 bytes) in ${TMPDIR:-/tmp} or /var/tmp"
    return 74
}

# Everything that a start may have made, a killed one included.
_cluster_remove_files() {
    local place
    while IFS= read -r place; do
        rm -rf -- "$place".new.?????? 2>/dev/null || true
        if _cluster_is_the_servers "$place"; then
            rm -rf -- "$place" || return $?
        fi
    done < <(printf '%s\n' "$dir"; _cluster_remembered_place
        _cluster_temporary_folders "nearline-$(_cluster_mark)"
        _cluster_temporary_folders "nearline-$(_cluster_mark)-socket")
    rm -f -- "$dir.location" "$dir.location.new" "$dir.log" "$dir.log.1"
}
