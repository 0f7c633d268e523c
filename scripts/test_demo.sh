# Part of test.sh (sourced): the demo tells its story and ends.

check "cargo build --release" cargo build --release --quiet
check "demo --exit" "$CARGO_TARGET_DIR/release/qingting" demo --exit --listen 127.0.0.1:0
