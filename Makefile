# ad_pipeline. Needs: Python 3.11 to 3.13 with venv, make, git. Everything else lands in .venv.

PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13,$(shell command -v python$(v) 2>/dev/null)) $(shell command -v python3 2>/dev/null))
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
ROOT   ?= sessions
BRIEF  ?= examples/laneige_15s.yaml

.DEFAULT_GOAL := help
.PHONY: help ad ui test test-fast check format bench constraints clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

ad: $(VENV)/.base ## make the example ad (BRIEF=..., ROOT=...)
	@$(BIN)/ad-pipeline make $(BRIEF) --root $(ROOT)

ui: $(VENV)/.base ## open the Dagster UI, its daemon and the media route on this machine
	@$(BIN)/ad-pipeline ui --root $(ROOT)

test: $(VENV)/.dev ## run every test (10 minutes on two cores at most)
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup ad_pipeline_tests

test-fast: $(VENV)/.dev ## run the quick tests (a minute)
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not slow and not browser" ad_pipeline_tests

check: $(VENV)/.dev ## format, lint, types, import layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright --warnings
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## format and sort imports
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## measure speed and memory; rewrites docs/benchmarks.md
	@$(BIN)/python -m ad_pipeline_tests.bench

constraints: $(VENV)/.dev ## write down the installed versions
	@{ head -n 1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | grep -iv '^torch'; } > constraints.new && mv constraints.new constraints.txt

clean: ## remove the virtual environment and caches (sessions stay)
	rm -rf $(VENV) build .pytest_cache .ruff_cache .import_linter_cache *.egg-info

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "no Python found; install Python 3.11, 3.12 or 3.13 with venv" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; ok = (3, 11) <= sys.version_info[:2] < (3, 14); sys.exit(0 if ok else f"Python 3.11 to 3.13 is needed; {sys.executable} is {sys.version.split()[0]}. Say: make PYTHON=/path/to/python3.12")'
	@echo "setting up $(VENV) (once, a minute or two) ..."
	@"$(PYTHON)" -m venv $(VENV) || { echo "python venv is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	@$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.base
