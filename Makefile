# Every target sets up what it needs in .venv; a second call starts at once.

PYTHON ?= $(firstword $(shell for python in python3 python3.13 python3.12 python3.11 python3.10; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$python; done; true))
VENV := .venv
BIN := $(VENV)/bin
DLT_VERSION := 1.31.0
DLT_VENV := .venv-dlt
SERVERS := .venv-servers
INSTALL := -m pip --disable-pip-version-check install --quiet --quiet --no-input
WORKERS ?= 2

export DAGSTER_DISABLE_TELEMETRY := 1

.PHONY: help demo dev change test lint types format compat bench mutate reliability simulate clean

help: ## Show the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(VENV)/.demo ## Load a real API into DuckDB three times, and show what each run loads
	@$(BIN)/python -m examples.demo.run

dev: $(VENV)/.demo ## Open Dagster's web interface on the demo's graph, at http://127.0.0.1:3000
	@$(BIN)/python -m examples.demo.dev

change: $(VENV)/.demo ## Change the data of the API that `make dev` serves
	@$(BIN)/python -m examples.demo.dev --change-data

test: $(VENV)/.dev ## Run the tests
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not long and not compat" $(ARGS)

lint: $(VENV)/.dev ## Check style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check the types
	@$(BIN)/mypy

format: $(VENV)/.dev ## Put the code into its format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

compat: $(VENV)/.dev $(DLT_VENV)/.dlt-parquet-$(DLT_VERSION) $(SERVERS)/.installed ## Run the same configs through dlt and compare
	@DLT_PYTHON=$(CURDIR)/$(DLT_VENV)/bin/python REST_SERVERS=$(CURDIR)/$(SERVERS) \
		$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup -m compat $(ARGS)

bench: $(VENV)/.dev $(DLT_VENV)/.dagster-dlt-$(DLT_VERSION) ## Measure against dlt
	@DLT_PYTHON=$(CURDIR)/$(DLT_VENV)/bin/python $(BIN)/python benchmarks/run.py $(ARGS)

mutate: $(VENV)/.mutate ## Try small faults in a file, and show which its tests do not notice
	@$(BIN)/python benchmarks/mutate.py $(ARGS)

reliability: $(VENV)/.dev ## Run the long proofs: crashes, kills, retries
	@$(BIN)/python -m pytest -q -m long tests/reliability $(ARGS)

simulate: $(VENV)/.dev ## Let many actors loose on one asset: 10,000 histories
	@$(BIN)/python -m tests.reliability.simulation --workers $(WORKERS) $(ARGS)

clean: ## Remove everything that make made
	@rm -rf $(VENV) $(DLT_VENV) $(SERVERS) .demo .dagster .mypy_cache .pytest_cache .ruff_cache .hypothesis

# A virtual environment that is there and works is used as it is.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.10 or later is needed, and none was found." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV); the first time that takes a minute or two."
	@$(BIN)/python $(INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV); the first time that takes a minute or two."
	@$(BIN)/python $(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.demo

# Only `make mutate` needs it, and no test does.
$(VENV)/.mutate: $(VENV)/.dev
	@$(BIN)/python $(INSTALL) 'cosmic-ray>=8.4,<9'
	@touch $@

$(DLT_VENV)/.dlt-parquet-$(DLT_VERSION): | $(BIN)/python
	@echo "Installing dlt $(DLT_VERSION) into $(DLT_VENV)."
	@$(BIN)/python -m venv $(DLT_VENV)
	@$(DLT_VENV)/bin/python $(INSTALL) 'dlt[duckdb,parquet]==$(DLT_VERSION)'
	@touch $@

# dlt in the same Dagster as ours, beside which `make bench` measures too.
$(DLT_VENV)/.dagster-dlt-$(DLT_VERSION): $(DLT_VENV)/.dlt-parquet-$(DLT_VERSION) $(VENV)/.dev
	@echo "Installing dagster-dlt into $(DLT_VENV)."
	@$(DLT_VENV)/bin/python $(INSTALL) 'dlt==$(DLT_VERSION)' dagster-dlt \
		"dagster==$$($(BIN)/python -c 'import importlib.metadata as m; print(m.version("dagster"))')"
	@touch $@

# REST servers from PyPI and npm that nobody here wrote; the compat suite loads them.
$(SERVERS)/.installed: tests/compat/servers/requirements.txt tests/compat/servers/package.json | $(BIN)/python
	@command -v npm >/dev/null || { echo "npm is needed for one of the servers (json-server), and was not found." >&2; exit 1; }
	@echo "Installing three REST servers into $(SERVERS)."
	@$(BIN)/python -m venv $(SERVERS)
	@$(SERVERS)/bin/python $(INSTALL) --requirement tests/compat/servers/requirements.txt
	@cp tests/compat/servers/package.json $(SERVERS)/
	@npm install --silent --no-audit --no-fund --prefix $(SERVERS)
	@touch $@
