#!/usr/bin/env bash
# The long crash harness: SIGKILL at every step of a commit against a real Kafka, and each seeded mistake must be
# noticed. QINGTING_CRASH_SEED repeats a run, QINGTING_KEEP=1 keeps the data directories.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$repository"

kafka_directory=$cache/kafka-run/crash-$$
trap 'scripts/kafka.sh stop --dir "$kafka_directory" --wipe >/dev/null 2>&1' EXIT
QINGTING_KAFKA=$(scripts/kafka.sh start --dir "$kafka_directory" --heap 1g)
export QINGTING_KAFKA QINGTING_CRASH_FORM=full
export ORT_DYLIB_PATH=${ORT_DYLIB_PATH:-$repository/.runtime/libonnxruntime.so}
cargo test --profile bench --features crash-test --test crash -- --nocapture --test-threads 1 "$@"
