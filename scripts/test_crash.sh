# Part of test.sh (sourced): the crash harness in its short form. `make test-crash` is the long one.

if [ -f tests/crash.rs ]; then
    cargo_tests "crash harness, short form" cargo test --features crash-test --test crash -- --show-output
else
    printf -- '--- no crash harness in this tree\n'
fi
