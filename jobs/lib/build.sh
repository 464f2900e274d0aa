# shellcheck shell=bash
# Builds the release that the tests, the demo and cron's jobs share. Sourced, never run.

# build_release LOG: builds everything, tests included, says so on standard output and in the file.
#
# A warning is only said when its file is compiled, so the files that have one are made to compile next time too.
build_release() {
    local status=0 file
    mkdir -p -- "${1%/*}"
    swift build -c release --build-tests </dev/null 2>&1 | tee -- "$1" || status=$?
    while IFS= read -r file; do
        [[ ! -f $file ]] || touch -- "$file"
    done < <(own_warnings "$1" | sed -n 's/^\(\/[^:]*\):[0-9].*/\1/p' | sort -u)
    return "$status"
}

# build_product NAME LOG: builds one executable with what it needs, says so in the file, and prints where it lies.
build_product() {
    echo "building $1" >&2
    swift build -c release --product "$1" </dev/null >"$2" 2>&1 || {
        tail -n 20 -- "$2" >&2
        return 1
    }
    printf '%s/%s\n' "$(swift build -c release --show-bin-path)" "$1"
}

# own_warnings LOG: prints each warning about this package's own files or manifest, none about its dependencies'.
own_warnings() {
    local root
    root=$(pwd -P)
    awk -v root="$root/" -v package="warning: '$(basename "$root" | tr '[:upper:]' '[:lower:]')'" '
        /warning: / && (index($0, root "Sources/") == 1 || index($0, root "Tests/") == 1 || index($0, package) == 1)
    ' "$1" | sort -u
}
