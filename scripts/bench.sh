#!/usr/bin/env bash
# Every bench, or those that are named: scripts/bench.sh [BENCH..]. The end-to-end one gets a Kafka of its own.
# QINGTING_BENCH_ITEMS sets its size.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$repository"

selected=()
for bench in benches/*.rs; do
    name=$(basename "$bench" .rs)
    [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
    selected+=(--bench "$name")
done
[ ${#selected[@]} -gt 0 ] || fail "no bench of that name in benches/"

export ORT_DYLIB_PATH=${ORT_DYLIB_PATH:-$repository/.runtime/libonnxruntime.so}
kafka_directory=$cache/kafka-run/bench-$$
trap 'scripts/kafka.sh stop --dir "$kafka_directory" --wipe >/dev/null 2>&1; rm -rf "$kafka_directory"' EXIT
if [[ " ${selected[*]} " == *" end_to_end "* ]]; then
    QINGTING_KAFKA=$(scripts/kafka.sh start --dir "$kafka_directory" --heap 1g)
    export QINGTING_KAFKA
    # what ships is measured; the profile of the benches would put its own binary in the same place
    cargo build --release
    cp "${CARGO_TARGET_DIR:-target}/release/qingting" "$kafka_directory/qingting"
    export QINGTING_BINARY=$kafka_directory/qingting
fi
cargo bench "${selected[@]}"
