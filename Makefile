.PHONY: tools

tools: ## Find or build the programs that the test stack runs, and print where they are
	@tests/stack/tools/build.sh
