#!/usr/bin/env bash
# Builds the product and shows it working. EXIT=1 ends it when the story is told; further arguments go to the demo.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$repository"

scripts/setup.sh demo
cargo build --release
export ORT_DYLIB_PATH=${ORT_DYLIB_PATH:-$repository/.runtime/libonnxruntime.so}
exec "$CARGO_TARGET_DIR/release/qingting" demo ${EXIT:+--exit} "$@"
