# The front door. Every target works from a fresh clone on Debian 12 with git, make and root or sudo.
JOBS ?= $(shell nproc)
ARGS ?=
SECONDS_EACH ?= 60
.DEFAULT_GOAL := help
.PHONY: help setup build demo test bench soak lint format fuzz golden docs clean

help:  ## This list
	@echo "make TARGET"
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1\t\2/' | expand -t 10

setup:  ## Install the Debian packages that are missing (deploy/packages.txt)
	@scripts/setup.sh base xgboost

build: setup  ## Release build: build/release/bin/fulcrumd and build/release/bin/fulcrum
	@mkdir -p build
	@cmake --preset release > build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) --target fulcrumd_binary fulcrum_binary

demo: setup  ## Real logged traffic through a running service; ARGS=--json for machines
	@data=$$(scripts/fetch_demo_data.sh) && $(MAKE) --no-print-directory build && \
	  FULCRUM_DEMO_DATA=$$data build/release/bin/fulcrum demo $(ARGS)

test: build  ## All tests, unit to end to end
	@cmake --build --preset release -j $(JOBS)
	@ctest --preset release -j $(JOBS)

bench: build  ## Measure; rows with aims in build/bench/summary.json
	@scripts/bench.sh

soak: build  ## What takes longer than CI allows: all parts that are due, or PART=name (PART=list)
	@cmake --build --preset release -j $(JOBS)
	@scripts/soak.sh $(PART)

lint:  ## Format, protos, scripts, and clang-tidy on everything
	@scripts/setup.sh base xgboost tools
	@scripts/lint.sh

format:  ## Format all C++ files in place
	@scripts/setup.sh base xgboost tools
	@scripts/format.sh

fuzz:  ## Fuzz every parser for SECONDS_EACH seconds (60)
	@scripts/setup.sh base xgboost tools
	@scripts/fuzz.sh $(SECONDS_EACH)

golden:  ## Make the golden files of tests/golden again, with the peers they come from
	@scripts/setup.sh base xgboost
	@scripts/golden.sh

docs: setup  ## Regenerate the parts of docs/ that follow from the code
	@mkdir -p build
	@cmake --preset release > build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) --target docs

clean:  ## Remove everything that was built or fetched
	@rm -rf build
