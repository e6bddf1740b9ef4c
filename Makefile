.DEFAULT_GOAL := help
.PHONY: help demo test deny bench kill rivals chaos simulate fuzz tools fmt prerequisites

# Test binaries share the machine with the servers that they start; two are as many as two cores carry.
export RUST_TEST_THREADS ?= 2

# Random questions of the tests: others for each commit, the same for one commit. TIDEGATE_SEED=n repeats those of a failure.
COMMIT_SEED := $(shell printf %d 0x$$(git rev-parse --short=8 HEAD 2>/dev/null | head -c 8 || echo 1))
export COMMIT_SEED
export PROPTEST_RNG_SEED ?= $(COMMIT_SEED)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  make demo KEEP=1 leaves everything up and prints how to play with it"

prerequisites:
	@tests/stack/tools/build.sh --prerequisites

tools: prerequisites ## Find or build the programs that the test stack runs, and print where they are
	@tests/stack/tools/build.sh

demo: ## Tell the main job's story on real parts on loopback (about 20 seconds once built)
	@tests/stack/tools/demo.sh
	@target/debug/tidegate-demo

test: tools ## Format check, lints and all tests
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
	@$(MAKE) --no-print-directory deny
	cargo test --locked --workspace

# The programs that check dependencies and run the fuzzer go into the user's cache and not among the user's programs.
TOOL_CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tidegate
CARGO_DENY := 0.20.2
DENY_ROOT := $(TOOL_CACHE)/cargo-deny-$(CARGO_DENY)
DENY := $(DENY_ROOT)/bin/cargo-deny --locked
ADVISORIES := https://github.com/rustsec/advisory-db

$(DENY_ROOT)/bin/cargo-deny:
	cargo install --root $(DENY_ROOT) cargo-deny --version $(CARGO_DENY) --locked

deny: $(DENY_ROOT)/bin/cargo-deny ## Check dependencies: bans, licences, sources; advisories where the database is in reach
	@$(DENY) check bans licenses sources
	@if GIT_TERMINAL_PROMPT=0 timeout 20 git ls-remote -q $(ADVISORIES) HEAD >/dev/null 2>&1; then \
	  $(DENY) check advisories; \
	elif ls -d "$${CARGO_HOME:-$$HOME/.cargo}"/advisory-dbs/*/ >/dev/null 2>&1; then \
	  $(DENY) check --disable-fetch advisories; \
	else \
	  echo "advisories: not checked, $(ADVISORIES) cannot be reached"; \
	fi

bench: tools ## Counts, ratios and latencies as one table
	cargo bench --locked --bench core
	cargo bench --locked --bench table

CYCLES ?= 10000
KILLS ?= 50
kill: tools ## Kill the agent CYCLES=10000 times on its way from a new tag to the end of its push (TIDEGATE_SEED repeats), and the leader of two pods KILLS=50 times
	CYCLES=$(CYCLES) cargo test --locked --workspace --test it -- --nocapture proof::kill
	KILLS=$(KILLS) cargo test --locked --workspace --test it -- --nocapture agent::leader::a_leader_that_is_killed

TAGS ?= 200
rivals: tools ## TAGS=200 tags land while five others make five commits a second, small and with 20,000 files
	@cargo build --locked --release --bin tidegate
	TIDEGATE_PROGRAM=$(CURDIR)/target/release/tidegate TAGS=$(TAGS) cargo test --locked --workspace --test it -- --nocapture --test-threads 1 proof::rivals

# SEED=n begins with the world of that seed; REPLAY=file carries out the operations of the file; VERBOSE=1 prints them.
MINUTES ?= 10
chaos: tools ## Let people, controllers, a registry and faults loose on real parts for MINUTES=10; a failure prints its SEED
	@cargo build --locked --workspace --bins
	@target/debug/tidegate-chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(REPLAY),--replay $(REPLAY)) $(if $(VERBOSE),--verbose)

# SEED=n SEEDS=1 prints one run event by event; FOUND=n stops after n violations; THREADS=n takes n processors.
SEEDS ?= 100000
simulate: ## Run the loops through SEEDS=100000 schedules of faults, crashes and people, on fake ports and paused time
	SEEDS=$(SEEDS) cargo test --locked --release --lib -- --ignored --nocapture --exact agent::simulation::tests::long

# Sanitizers need a nightly compiler.
SECONDS ?= 60
NIGHTLY ?= nightly
CARGO_FUZZ := 0.13.2
FUZZ_ROOT := $(TOOL_CACHE)/cargo-fuzz-$(CARGO_FUZZ)
FUZZ_TARGETS := reference policy image-policy document editor images kustomization annotations trailers \
  packet-lines advertisement push-report known-hosts allowed-signers image-index webhook watch-event config

$(FUZZ_ROOT)/bin/cargo-fuzz:
	cargo install --root $(FUZZ_ROOT) cargo-fuzz --version $(CARGO_FUZZ) --locked

fuzz: $(FUZZ_ROOT)/bin/cargo-fuzz ## Fuzz the pure core and what reads a wire, SECONDS=60 each target; what is found is kept below fuzz/artifacts
	@for target in $(FUZZ_TARGETS); do \
	  mkdir -p fuzz/fresh/$$target && \
	  PATH="$(FUZZ_ROOT)/bin:$$PATH" rustup run $(NIGHTLY) cargo fuzz run --fuzz-dir fuzz -O $$target fuzz/fresh/$$target fuzz/corpus/$$target -- \
	    -dict=fuzz/dictionaries/$$target -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=16384 || exit 1; \
	done
