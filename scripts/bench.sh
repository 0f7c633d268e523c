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

kafka_directory=$cache/kafka-run/bench-$$
trap 'scripts/kafka.sh stop --dir "$kafka_directory" --wipe >/dev/null 2>&1' EXIT
QINGTING_KAFKA=$(scripts/kafka.sh start --dir "$kafka_directory" --heap 1g)
export QINGTING_KAFKA
export ORT_DYLIB_PATH=${ORT_DYLIB_PATH:-$repository/.runtime/libonnxruntime.so}
cargo bench "${selected[@]}"
