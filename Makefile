# `make scenarios` and `make test` need nothing but make, git and python3: ci/setup.sh does the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# pytest workers: for unit tests and the simulator (busy), and for real ovsdb-server processes (mostly waiting).
export SIM_WORKERS ?= 2
export OVN_WORKERS ?= 4
# Hypothesis profile: ovn-dev explores, ovn-pr repeats. Backends that must run, by commas: a skip there is a failure.
export OVN_PROFILE ?= ovn-dev
export OVN_REQUIRE ?=
# Real ovn-central pods in kind: 0 leaves them out, 1 demands them, auto runs them where Docker can be had.
export OVN_KIND ?= 0

.PHONY: help setup scenarios test lint bench compiled gate mutants conformance track-record judge-page clean

help: ## print this
	@sed -nE 's/^([a-z-]+): ##/\1/p; s/^([a-z-]+): [a-z]+ ##/\1/p' $(MAKEFILE_LIST) | awk '{printf "make %-10s", $$1; $$1=""; print}'

setup: ## make .venv and, as root, install Debian's OVS and OVN packages
	@ci/setup.sh

scenarios: setup ## run the scenarios in the simulator
	@ci/check.sh scenarios

test: setup ## run everything that can run here: lint, types, tests, scenarios on every backend
	@ci/check.sh test

lint: setup ## ruff and mypy
	@ci/check.sh lint

bench: setup ## print how fast things are
	@ci/check.sh bench

compiled: setup ## compile the model with mypyc into .make/compiled (two to three times as fast)
	@ci/check.sh compiled

gate: setup ## gate our own procedures, and measure the gate by their mutants (BUDGET=60s for each)
	@ci/check.sh gate

mutants: setup ## measure the gate anew, keep what killed each mutant, and write docs/mutants.md (OF="guarded:add ...")
	@ci/check.sh mutants

conformance: setup ## compare the model with real servers case by case, and print the table
	@ci/check.sh conformance

track-record: setup ## replay the corpus of known failures, and write docs/track-record.md
	@ci/check.sh track-record

judge-page: setup ## try documented and guarded with every single fault, and write docs/page-judged.md (an hour)
	@ci/check.sh judge-page

clean: ## remove what make and the tests have made in this directory
	rm -rf .venv .make .mypy_cache .ruff_cache .pytest_cache .hypothesis out build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
