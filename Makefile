# make help: what each target does. CARGO_TARGET_DIR is honoured.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo run test test-crash test-tract fuzz bench model lint fmt clean setup

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

demo: ## set up what is missing, build, and show the product working (EXIT=1 ends it after the story)
	@EXIT=$(EXIT) scripts/demo.sh

run: ## run against your configuration: make run CONFIG=qingting.toml
	@test -n "$(CONFIG)" || { echo "which configuration? make run CONFIG=qingting.toml" >&2; exit 2; }
	scripts/setup.sh demo
	ORT_DYLIB_PATH=$${ORT_DYLIB_PATH:-$(CURDIR)/.runtime/libonnxruntime.so} cargo run --release -- run -c $(CONFIG)

test: ## everything that must hold, with a real Kafka; ends with: N passed, N failed, N skipped
	@scripts/setup.sh test
	@scripts/test.sh

test-crash: ## the long crash harness: SIGKILL at every step of a commit, against a real Kafka
	@scripts/setup.sh test
	@scripts/crash.sh

test-tract: ## the models give the same labels on tract as on ONNX Runtime (builds for minutes)
	@scripts/setup.sh demo
	cargo test --lib --features tract classify::

fuzz: ## records, mappings, files and personal data, led by coverage, ten minutes each: make fuzz FUZZ_SECONDS=600
	@scripts/setup.sh demo
	@scripts/fuzz.sh

bench: ## items/s and CPU µs an item of each stage and end to end; results in benches/results
	@scripts/setup.sh test
	@scripts/bench.sh

model: ## train the models that ship, from the labels beside the repository: make model ARGS="--refit correct export figures cascade"
	@scripts/setup.sh demo
	@scripts/model.sh $(ARGS)

lint: ## rustfmt and clippy, warnings are errors
	cargo fmt --all -- --check
	cargo clippy --all-targets --features crash-test -- -D warnings

fmt: ## format the code
	cargo fmt --all

setup: ## install what the build, the demo and the tests need
	@scripts/setup.sh test

clean: ## remove what was built; the caches outside the tree stay
	cargo clean
	rm -rf .runtime
