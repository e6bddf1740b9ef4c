.DEFAULT_GOAL := help
.PHONY: help demo test bench tools fmt prerequisites

# Test binaries share the machine with the servers that they start; two are as many as two cores carry.
export RUST_TEST_THREADS ?= 2
# One target list for demo and test, so that features are resolved alike and nothing is compiled twice.
BUILD := cargo build --locked --workspace --all-targets

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  make demo KEEP=1 leaves everything up and prints how to play with it"

prerequisites:
	@tests/stack/tools/build.sh --prerequisites

tools: prerequisites ## Find or build the programs that the test stack runs, and print where they are
	@tests/stack/tools/build.sh

demo: tools ## Tell the main job's story on real parts on loopback (about a minute once built)
	@$(BUILD)
	@target/debug/tidegate-demo

test: tools ## Format check, lints and all tests
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
	@$(BUILD)
	cargo test --locked --workspace

bench: tools ## Counts, ratios and latencies as one table
	cargo bench --locked --bench table
