# Tidegate: everything a developer types. `make` alone lists it.
#
# Needs Python 3.11 to 3.13 and make. Another Python: make setup PYTHON=/path/to/python3.12

VENV ?= .venv
BUILD ?= build
BIN := $(VENV)/bin
EXTRAS := pipeline,openlineage,opentelemetry,report,s3,azure,spark,demo,bench,dev
STAMP := $(VENV)/.installed
# Azure's blob storage for the tests, from npm.
AZURITE_VERSION := 3.37.0
AZURITE := $(BUILD)/azurite/.installed-$(AZURITE_VERSION)

# No library that we run reports to its maker.
export DO_NOT_TRACK := true
export GX_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
# The tests start hundreds of processes, which would else compile our own modules each.
unexport PYTHONDONTWRITEBYTECODE
# Material for MkDocs prints a banner about its successor on every build.
export NO_MKDOCS_2_WARNING := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What runs on either engine.
ON_SPARK := tests/audit tests/merge tests/pool tests/parity tests/test_keys.py tests/test_data_integration.py \
  tests/test_formats.py tests/test_contract_features.py tests/test_personal_data.py tests/test_odd_submissions.py \
  tests/test_determinism.py tests/test_drift.py tests/test_measuring.py

SOURCES := $(wildcard integration tests contracts benchmarks)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test lint types imports docs unit faults crash soak parity thorough spark differential fuzz mutation bench odd format docs-serve clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv and install Tidegate with its tools into it

demo: setup ## the main job, end to end, on real data; writes .tidegate/demo/
	$(BIN)/tidegate demo

test: setup ## everything that must hold: the targets from lint to unit
	$(MAKE) --jobs 2 lint types imports docs $(AZURITE)
	$(MAKE) unit

lint: setup ## ruff: rules and format
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: setup ## mypy, strict
	$(BIN)/mypy

imports: setup ## import-linter: which room may import which
	$(BIN)/lint-imports --no-logo

docs: setup ## the site, strictly, in build/site/
	$(BIN)/mkdocs build --quiet --strict --site-dir $(BUILD)/site

unit: setup $(AZURITE) ## pytest; one part of it: make unit TESTS=tests/merge
	@command -v java >/dev/null || echo "java is missing: the tests of Spark are skipped" >&2
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

faults: setup $(AZURITE) ## 1,000 downloads over lines that break in every way; RUNS=, SEED=
	FAULT_RUNS=$(or $(RUNS),1000) FAULT_SEED=$(or $(SEED),$(shell date +%Y%m%d)) \
	  $(BIN)/python -m pytest -q -n 2 tests/sources/test_faults.py

crash: setup ## 500 processes are killed at random moments, and called again: nothing lost, nothing doubled; RUNS=, SEED=
	CRASH_RUNS=$(or $(RUNS),500) CRASH_SEED=$(or $(SEED),$(shell date +%Y%m%d)) \
	  $(BIN)/python -m pytest -q --timeout=0 tests/crash

soak: setup ## 10,000 valid integrations in two processes: all succeed, and nothing grows; RUNS=, SEED=
	$(BIN)/python -m tests.soak --runs $(or $(RUNS),10000) --seed $(or $(SEED),$(shell date +%Y%m%d))

parity: setup ## 20,000 made-up contracts and data, judged as Pandera does; CASES=, SEED=
	PARITY_CASES=$(or $(CASES),20000) PARITY_SEED=$(or $(SEED),$(shell date +%Y%m%d)) PARITY_PARTS=2 \
	  $(BIN)/python -m pytest -q -n 2 --dist load --maxschedchunk 1 --timeout=0 tests/parity

thorough: setup $(AZURITE) ## the tests that make test leaves out for their time
	$(BIN)/python -m pytest -n 2 --dist worksteal --timeout 1800 --thorough -m thorough

spark: setup $(AZURITE) ## the tests of audit, merge and pool once more, with Spark as the engine; TESTS=
	$(BIN)/python -m pytest -n 2 --dist worksteal --timeout 1800 --engine spark $(or $(TESTS),$(ON_SPARK))

differential: setup ## 2,000 made-up contracts and data, judged alike on DuckDB and on Spark; CASES=, SEED=
	SPARK_CASES=$(or $(CASES),2000) SPARK_SEED=$(or $(SEED),$(shell date +%Y%m%d)) SPARK_PARTS=4 \
	  $(BIN)/python -m pytest -q -n 2 --dist load --maxschedchunk 1 --timeout=0 tests/engines/spark/test_differential.py

fuzz: setup ## hostile inputs for each reader and loader, ten minutes each; SECONDS=, SEED=, TESTS=tests/fuzz/test_csv.py
	FUZZ_SECONDS=$(or $(SECONDS),600) FUZZ_SEED=$(or $(SEED),$(shell date +%Y%m%d)) \
	  $(BIN)/python -m pytest -q -s --timeout=0 $(or $(TESTS),tests/fuzz)

mutation: setup ## what of audit/ and merge/ could be wrong unnoticed (an hour); MUTANTS='tidegate.merge*'
	$(BIN)/python -m pip install --quiet --target $(BUILD)/mutmut mutmut==3.8.1
	rm -rf $(BUILD)/mutation && mkdir -p $(BUILD)/mutation/mutants/src
	cp -r tests contracts expectations docs README.md pyproject.toml $(BUILD)/mutation && cp -r integration $(BUILD)/mutation/src
	cd $(BUILD)/mutation && export PARITY_CASES=40 \
	  PYTHONPATH=$(CURDIR)/$(BUILD)/mutation/mutants/src:$(CURDIR)/$(BUILD)/mutmut && \
	  $(CURDIR)/$(BIN)/python -m mutmut run $(MUTANTS) && $(CURDIR)/$(BIN)/python -m mutmut results

bench: setup ## time and memory beside DuckDB alone and what one would write today; SIZE=10GB, JSON=
	$(BIN)/python -m benchmarks.starting
	$(BIN)/python -m benchmarks --size $(or $(SIZE),100MB) $(if $(JSON),--json $(JSON))

odd: setup ## what is wide, long or all wrong stays within the memory limit; SCALE=1 is full size, JSON=
	$(BIN)/python -m benchmarks.odd --scale $(or $(SCALE),0.01) $(if $(JSON),--json $(JSON))

format: setup ## let ruff put the code in form
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs-serve: setup ## the site on this machine, made anew at each change
	$(BIN)/mkdocs serve

clean: ## remove what was made, but for .venv and .tidegate/
	rm -rf $(BUILD) dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is newer than what was installed from; a change there installs anew. Bytecode is left to whoever imports: most
# of the modules nobody does.
$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[$(EXTRAS)]' --constraint constraints.txt
	@touch $@

# Without npm the tests of Azure are skipped, and say so; in CI they fail.
$(AZURITE):
	@if command -v npm >/dev/null; then \
	  npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(BUILD)/azurite azurite@$(AZURITE_VERSION) && \
	  touch $@; \
	else echo "npm is missing: the tests of Azure are skipped" >&2; fi

# A command that is there need not run: pyenv's shims fail for a version that is not switched on,
# and Debian's python3 lacks ensurepip until python3-venv is installed. So each is tried.
$(BIN)/python:
	@for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	  if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	      >/dev/null 2>&1; then \
	    echo "Making $(VENV) with $$("$$candidate" -V) ($$(command -v "$$candidate"))"; \
	    exec "$$candidate" -m venv --clear $(VENV); \
	  fi; \
	  if [ -n "$(PYTHON)" ]; then break; fi; \
	done; \
	echo "No Python 3.11 to 3.13 that can make a virtual environment$(if $(PYTHON),: $(PYTHON) is none)." >&2; \
	echo >&2; \
	echo "On Debian: apt-get install python3 python3-venv. Elsewhere: make setup PYTHON=/path/to/python3.11" >&2; \
	exit 1
