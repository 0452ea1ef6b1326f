# Two targets do all set-up: `make chaos` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.filled
WORKERS ?= 2

.PHONY: help setup chaos test lint bench-storefront clean
help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: $(STAMP) ## fill .venv with the locked versions (once; later calls do nothing)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=... chooses one)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python has no venv module (on Debian: apt-get install python3-venv)"; exit 1; }
	@echo "Filling $(VENV) (about a minute, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

chaos: setup ## the main job: stand the storefront up, break its edges under load, judge it
	$(BIN)/python -m pytest -m chaos -n $(WORKERS) chaos_specs

test: setup ## lint, types, and every test
	$(BIN)/python -m tox -q

bench-storefront: setup ## what the stack costs each service, beside bare Flask (needs wrk)
	$(BIN)/python benchmarks/storefront.py

clean: ## remove what make and the runs left
	rm -rf $(VENV) .tox .mypy_cache .ruff_cache .pytest_cache reports/out benchmarks/out
