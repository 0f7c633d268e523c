#!/usr/bin/env bash
# Fuzzing led by coverage, on the stable compiler: scripts/fuzz.sh [TARGET..], FUZZ_SECONDS each (default 600).
# What it learned stays in the cache and is where the next run begins; a finding ends it and is left beside.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$repository"

targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(record mapping table privacy)
seconds=${FUZZ_SECONDS:-600}
host=$(rustc -vV | sed -n 's/^host: //p')
built=${CARGO_TARGET_DIR:-target}/fuzz

# what `cargo fuzz --sanitizer none` sets; none of it needs a nightly compiler. With a target named, build scripts go without
flags="--cfg fuzzing -Cdebug-assertions -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS=$flags cargo build --package qingting-fuzz --profile bench --target "$host" --target-dir "$built"

for target in "${targets[@]}"; do
    learned=$cache/fuzz/$target
    mkdir -p "$learned"
    seeds=fuzz/seeds/$target
    [ "$target" != mapping ] || seeds=schemas/formats
    echo "$target: $seconds s"
    "$built/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="$learned-finding-" "$learned" "$seeds" 2>&1 | grep -v -E '^#[0-9]+\s+(NEW|REDUCE|pulse)'
done
