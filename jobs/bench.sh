#!/usr/bin/env bash
# How fast the model encodes, learns and finds items, beside PyTorch and FAISS in the same run: jobs/bench.sh [--quick | --all]
#
# Prints each figure with its share of the rate at which this machine multiplies large matrices, then the ratios: ours and the
# peer take turns, BENCH_TURNS (3) times each, and the middle ratio counts. The peers run where PEER_PYTHON (by default python3)
# can import torch and faiss; without them the figures stand alone. --quick leaves out the million items and the larger model;
# --all goes on with reading histories, publishing and lookups in a throwaway PostgreSQL, and with whole nights
# (jobs/bench-night.sh). Figures compare within one run only: nothing else should be at work.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh
# shellcheck source-path=SCRIPTDIR source=lib/build.sh
source jobs/lib/build.sh
# It makes OpenBLAS take kernels of another processor, for both sides.
unset OPENBLAS_CORETYPE
quick=false all=false
case ${1:-} in
    --quick) quick=true ;;
    --all) all=true ;;
    '') ;;
    *)
        sed -n '2,8s/^# \{0,1\}//p' jobs/bench.sh >&2
        exit 64
        ;;
esac
rounds=${BENCH_TURNS:-3}
[[ $rounds =~ ^[1-9][0-9]*$ ]] || {
    echo "bench: BENCH_TURNS is '$rounds', and has to be a number from 1" >&2
    exit 64
}
python=${PEER_PYTHON:-python3}
work=$(mktemp -d "${TMPDIR:-/tmp}/nearline-bench.XXXXXX")
readonly CLUSTER=.nearline/bench-pg
# shellcheck disable=SC2317
clean_up() {
    ! $all || cluster_remove "$CLUSTER" || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

jobs/setup.sh
figures=$(build_product model-figures "$work/log")
has_peers=false
if "$python" -c 'import torch, faiss' 2>/dev/null; then has_peers=true; else
    echo "$python has no torch and faiss: no ratios (PEER_PYTHON names another Python)" >&2
fi

peer() { "$python" Tests/Benchmarks/Peers/torch_peer.py "$@" 2>/dev/null; }
# rate FILE PATTERN: the figure before "users/s" in the last line that matches.
rate() { awk -v p="$2" '$0 ~ p { for (i = 2; i <= NF; i++) if ($i ~ /^users\/s/) r = $(i - 1) } END { print r }' "$1"; }
# ratio OURS THEIRS WHAT: noted for the end.
ratio() {
    [[ -z $1 || -z $2 ]] || awk -v a="$1" -v b="$2" -v what="$3" 'BEGIN { printf "%s\t%.4f\n", what, a / b }' >>"$work/ratios"
}
# ratios: the middle one of each, then all in rising order.
ratios() {
    sort -t "$(printf '\t')" -k 1,1 -k 2,2n "$work/ratios" | awk -F '\t' '
        function flush() {
            if (n == 0) return
            all = ""
            for (i = 1; i <= n; i++) all = all sprintf(" %.1f", r[i])
            printf "%-50s %5.1f x  (%s)\n", what, r[int((n + 1) / 2)], substr(all, 2)
        }
        $1 != what { flush(); what = $1; n = 0 }
        { r[++n] = $2 }
        END { flush() }'
}

# compare TITLE SHAPE...: encoding and training of one shape, eager and compiled.
compare() {
    local title=$1 way round
    shift
    for ((round = 1; round <= rounds; round++)); do
        for way in eager compiled; do
            "$figures" encode "$@" | tee "$work/own"
            "$figures" train "$@" --negatives 1024 | tee -a "$work/own"
            $has_peers || continue 2
            local options=("$@" --train --users 64 --items 100000)
            [[ $way == eager ]] || options+=(--compile)
            peer "${options[@]}" >"$work/peer" || continue
            grep -E '^(encode|train)' "$work/peer" | sed "/^train/ s/\$/ ($way)/"
            ratio "$(rate "$work/own" '^encode')" "$(rate "$work/peer" '^encode')" "$title: encode / PyTorch $way"
            ratio "$(rate "$work/own" '^train')" "$(rate "$work/peer" '^train')" "$title: train / PyTorch $way"
        done
    done
}

# search ITEMS USERS: the best hundred.
search() {
    local round
    for ((round = 1; round <= rounds; round++)); do
        "$figures" topk --items "$1" --users "$2" | tee "$work/own"
        $has_peers || continue
        peer --tokens 8 --batch 1 --items "$1" --users "$2" >"$work/peer"
        grep '^topk' "$work/peer"
        ratio "$(rate "$work/own" '^topk')" "$(rate "$work/peer" '^topk faiss')" "top 100 of $1 items / FAISS flat"
        ratio "$(rate "$work/own" '^topk')" "$(rate "$work/peer" '^topk torch')" "top 100 of $1 items / PyTorch"
    done
}

compare '256 tokens, width 64' --tokens 256 --width 64 --heads 2 --blocks 2
$quick || compare '512 tokens, width 128' --tokens 512 --width 128 --heads 4 --blocks 4
search 10000 1024
search 100000 1024
$quick || search 1000000 1024
[[ ! -s $work/ratios ]] || {
    echo
    ratios
}
$all || exit 0

# table NAME ARGUMENT...: one of the other executables, in a database that is there for it alone.
table() {
    local executable
    executable=$(build_product "$1" "$work/log")
    shift
    echo
    "$executable" "$@"
}
cluster_remove "$CLUSTER"
cluster_start "$CLUSTER"
psql -q -d postgres -c 'CREATE DATABASE figures'
export PGDATABASE=figures
table history-figures 50000
table publish-figures load --users 1000000 --rounds 3
table lookup-figures 500000 3 pin
cluster_remove "$CLUSTER"
echo
jobs/bench-night.sh
