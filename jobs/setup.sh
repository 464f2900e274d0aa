#!/usr/bin/env bash
# Installs what a build and a demo need and this machine lacks; silent when there is nothing to do.
# Where it may not install, it prints the command that would, and ends with 66.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=lib/postgres.sh
source "$here/lib/postgres.sh"

readonly OLDEST_SWIFT=6.1

say() { printf 'setup: %s\n' "$*" >&2; }

missing_packages() {
    local tool library
    # A tool, a space, the Debian package that has it.
    for tool in 'git git' 'flock util-linux' 'setpriv util-linux' 'pkg-config pkg-config'; do
        command -v "${tool% *}" >/dev/null || printf '%s\n' "${tool#* }"
    done
    for library in 'libpq libpq-dev' 'liblz4 liblz4-dev' 'openblas libopenblas-dev' 'libxxhash libxxhash-dev' \
        'zlib zlib1g-dev'; do
        pkg-config --exists "${library% *}" 2>/dev/null || printf '%s\n' "${library#* }"
    done
    # shellcheck disable=SC2119
    postgres_bindir >/dev/null || printf 'postgresql\n'
}

# as_root COMMAND...: needs a password from nobody.
as_root() {
    if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null || return 1
    ((EUID == 0)) || sudo -n true 2>/dev/null
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
        apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Debian starts a cluster of its own with the first server it installs; the demo brings a private one. Only on a
# machine that has none of Debian's PostgreSQL: what somebody set up stays as it is.
without_a_cluster_of_debians() {
    local settings=/etc/postgresql-common/createcluster.conf
    [[ ! -e $settings ]] || return 0
    as_root mkdir -p "${settings%/*}"
    printf '%s\n' '# Written when the server was installed for a private cluster only;' \
        '# remove the line below to have each new version start with a cluster "main".' \
        'create_main_cluster = false' | as_root tee "$settings" >/dev/null
}

install_packages() {
    local log
    log=$(mktemp)
    say "installing $*"
    [[ " $* " != *' postgresql '* ]] || without_a_cluster_of_debians
    # A machine with no lists yet, or old ones, fails once: then the lists are fetched.
    if ! apt install -y --no-install-recommends "$@" >"$log" 2>&1; then
        if ! { apt update && apt install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
            tail -n 20 "$log" >&2
            rm -f "$log"
            say "apt-get could not install $*; the lines above say why"
            exit 66
        fi
    fi
    rm -f "$log"
}

check_packages() {
    local -a missing
    mapfile -t missing < <(missing_packages | sort -u)
    ((${#missing[@]} > 0)) || return 0
    if ! may_install; then
        say "missing: ${missing[*]}. Install them (Debian's names) and run this again:"
        printf '    sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n' "${missing[*]}" >&2
        exit 66
    fi
    install_packages "${missing[@]}"
    hash -r
    mapfile -t missing < <(missing_packages | sort -u)
    ((${#missing[@]} > 0)) || return 0
    say "installed, but still not found or too old: ${missing[*]}." \
        "PostgreSQL $OLDEST_POSTGRES or later: https://www.postgresql.org/download/linux/"
    exit 66
}

check_swift() {
    local words='' found='none'
    words=$(swift --version 2>/dev/null) || true
    if [[ $words =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]]; then
        found="${BASH_REMATCH[1]}.${BASH_REMATCH[2]}"
        if ((BASH_REMATCH[1] > ${OLDEST_SWIFT%.*})) ||
            ((BASH_REMATCH[1] == ${OLDEST_SWIFT%.*} && BASH_REMATCH[2] >= ${OLDEST_SWIFT#*.})); then
            return 0
        fi
    fi
    say "Swift $OLDEST_SWIFT or later is needed, found $found: https://www.swift.org/install/linux/"
    exit 66
}

check_packages
check_swift
