# shellcheck shell=bash
# What the jobs that train and judge models in a throwaway PostgreSQL share. Sourced, never run; wants cluster.sh and build.sh first.

# evaluation_begin NAME EVENTS: sets `work` (a folder of its own) and `nearline`, and has the events (or, of a folder as `nearline
# simulate` writes it, events.csv and items.csv) in the database NAME of a cluster of that name; both go when the script ends.
evaluation_begin() {
    unset OPENBLAS_CORETYPE
    evaluation_cluster=.nearline/$1-pg
    mkdir -p .nearline
    work=$(mktemp -d ".nearline/$1.XXXXXX")
    trap evaluation_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    jobs/setup.sh
    nearline=$(build_product nearline "$work/log")
    # Left by a run that was killed.
    cluster_remove "$evaluation_cluster"
    cluster_start "$evaluation_cluster"
    psql -q -d postgres -c "CREATE DATABASE $1"
    export PGDATABASE=$1
    quietly "$nearline" migrate
    local files=("$2")
    [[ ! -d $2 ]] || files=("$2/events.csv" "$2/items.csv")
    quietly "$nearline" import "${files[@]}"
}

# shellcheck disable=SC2317
evaluation_end() {
    cluster_remove "$evaluation_cluster" || true
    rm -rf "$work"
}

# quietly COMMAND...: what it says is shown, on standard error, where it fails, and that ends the script.
quietly() {
    "$@" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log" >&2
        exit 1
    }
}

# evaluation_newest: the file of the model that was trained last.
evaluation_newest() { psql -qAtXc 'SELECT file FROM nearline.model ORDER BY created_at DESC LIMIT 1'; }

# evaluation_figures AS-OF MODEL: prints the figures of the lists as JSON.
evaluation_figures() {
    "$nearline" evaluate --as-of "$1" --model "$2" --resamples 0 --ease-items 0 --json 2>"$work/log" || {
        tail -n 20 "$work/log" >&2
        exit 1
    }
}
