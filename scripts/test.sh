#!/usr/bin/env bash
# Everything that must hold, on this machine: style, unit and integration tests, the tests against a real Kafka, the
# deployment files, the crash harness in its short form, the demo. `make test` runs setup.sh first.
#
# Closes with `N passed, N failed, N skipped` summed over all of it. A test that cannot run here says so with a line
# `skipped: PROMISE: REASON`; that fails unless ALLOW_SKIP names the promise (several separated by commas).
# ONLY=style,tests,deploy,crash,demo runs some of the parts.
set -uo pipefail
{ # read whole before it runs: an edit in the meantime changes nothing
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$repository"

logs=$(mktemp -d "${TMPDIR:-/tmp}/qingting-test.XXXXXX")
export QINGTING_SKIP_LOG=$logs/skips
kafka_directory=$cache/kafka-run/test-$$
touch "$QINGTING_SKIP_LOG" "$logs/not_tested"
passed=0 failed=0
broken=()

finish() {
    local status=$?
    scripts/kafka.sh stop --dir "$kafka_directory" --wipe >/dev/null 2>&1
    [ "$status" = 0 ] && rm -rf "$logs" || say "logs are kept in $logs"
}
trap finish EXIT
trap 'exit 130' INT TERM

wanted() { [ -z "${ONLY:-}" ] || [[ ",$ONLY," == *",$1,"* ]]; }

# One check that counts as one: passes by its exit status.
check() {
    local name=$1 log
    shift
    log=$logs/${name//[^a-z0-9]/_}.log
    printf -- '--- %s\n' "$name"
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        broken+=("$name")
        tail -n 60 "$log"
    fi
}

# A check that cannot run here.
not_tested() { printf 'skipped: %s: %s\n' "$1" "$2" >>"$logs/not_tested"; }

# A run of cargo test: counts what its result lines say. One that ends without them, as when it does not compile, is
# one failure.
cargo_tests() {
    local name=$1 log status counts
    shift
    log=$logs/${name//[^a-z0-9]/_}.log
    printf -- '--- %s\n' "$name"
    "$@" 2>&1 | tee "$log" | grep --line-buffered -E '^test .* (FAILED|has been running)|^test result|^error|^warning: unused|panicked at|^skipped: |^     Running'
    status=${PIPESTATUS[0]}
    counts=$(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed;.*/\1 \2/p' "$log" |
        awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }')
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
    if [ "$status" != 0 ]; then
        broken+=("$name")
        [ "${counts#* }" != 0 ] || failed=$((failed + 1))
        grep -q '^error' "$log" && tail -n 60 "$log"
        sed -n '/^failures:$/,$p' "$log" | head -n 200
    fi
    grep -h '^skipped: ' "$log" >>"$QINGTING_SKIP_LOG" || true
    # an #[ignore]d test is a skipped promise too, unless it is a tool for a reader: #[ignore = "by hand: .."]
    grep -v 'ignored, by hand: ' "$log" | sed -n 's/^test \([^ ]*\) .*\.\.\. ignored\(, \)\{0,1\}\(.*\)$/skipped: \1: \3/p' >>"$logs/not_tested"
}

start_kafka() {
    QINGTING_KAFKA=$(scripts/kafka.sh start --dir "$kafka_directory") || return 1
    export QINGTING_KAFKA
    say "kafka listens on $QINGTING_KAFKA"
}

if [ -e /usr/share/prometheus/alertmanager/default.tmpl ]; then
    # does not start without its templates
    export QINGTING_ALERTMANAGER=${QINGTING_ALERTMANAGER:-$cache/tools/usr/bin/prometheus-alertmanager}
fi
export ORT_DYLIB_PATH=${ORT_DYLIB_PATH:-$repository/.runtime/libonnxruntime.so}

if wanted style; then
    check "cargo fmt --check" cargo fmt --all -- --check
    check "cargo clippy" cargo clippy --quiet --all-targets --features crash-test -- -D warnings
fi
if wanted tests; then
    start_kafka || say "no kafka: the tests that need it will say that they were skipped"
    cargo_tests "cargo test" cargo test --no-fail-fast -- --show-output
fi
wanted deploy && . "$repository/scripts/test_deploy.sh"
wanted crash && . "$repository/scripts/test_crash.sh"
wanted demo && . "$repository/scripts/test_demo.sh"

# --- the sum --------------------------------------------------------------------------------------------------------

# A test that skips itself returns and was counted as passed; an ignored test and a check that did not run were not.
skipped=0 refused=0
count_skips() {
    local line promise
    while IFS= read -r line; do
        skipped=$((skipped + 1))
        promise=${line#skipped: }
        promise=${promise%%: *}
        if [[ ",${ALLOW_SKIP:-}," == *",$promise,"* ]]; then
            printf '%s (allowed)\n' "$line"
        else
            printf '%s (not allowed; ALLOW_SKIP=%s would)\n' "$line" "$promise"
            refused=$((refused + 1))
        fi
    done < <(sort -u "$1" | grep '^skipped: ')
}
count_skips "$QINGTING_SKIP_LOG"
passed=$((passed > skipped ? passed - skipped : 0))
count_skips "$logs/not_tested"
failed=$((failed + refused))
[ ${#broken[@]} = 0 ] || printf 'failed: %s\n' "${broken[@]}"
if [ $((passed + failed)) = 0 ]; then
    say "no test ran"
    failed=1
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$((skipped - refused))"
[ "$failed" = 0 ]
exit
}
