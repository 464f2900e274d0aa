# shellcheck shell=bash
# Finds PostgreSQL's server programs. Sourced, never run.

readonly OLDEST_POSTGRES=14

# postgres_version BINDIR: prints the major version of the server in that folder.
postgres_version() {
    local words
    words=$("$1/postgres" --version 2>/dev/null) || return 1
    [[ $words =~ \ ([0-9]+)([.a-z]|$|\ ) ]] || return 1
    printf '%s\n' "${BASH_REMATCH[1]}"
}

# postgres_bindir [MAJOR]: prints the folder of a whole set of server programs, of that version when one is asked for,
# else of the newest. Fails without a word when there is none.
#
# Debian's pg_config names a folder even where only the client library is installed, so each one is looked into.
postgres_bindir() {
    local wanted=${1:-} folder version best='' best_version=0
    local -a folders=()
    folder=$(pg_config --bindir 2>/dev/null) && folders+=("$folder")
    folder=$(command -v initdb) && folders+=("$(dirname "$(realpath "$folder")")")
    folders+=(/usr/lib/postgresql/*/bin /usr/pgsql-*/bin)
    for folder in "${folders[@]}"; do
        [[ -x $folder/initdb && -x $folder/pg_ctl && -x $folder/pg_isready ]] || continue
        version=$(postgres_version "$folder") || continue
        [[ -z $wanted || $version == "$wanted" ]] || continue
        # Strictly newer: among equals, the one that pg_config names is the one that the client library came with.
        if ((version >= OLDEST_POSTGRES && version > best_version)); then
            best=$folder best_version=$version
        fi
    done
    [[ -n $best ]] && printf '%s\n' "$best"
}
