# Two targets do all set-up: `make chaos` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.filled
WORKERS ?= 2
# Systems that are under load at the same time. Two take half the time where two cores are nobody else's; on a machine that
# is shared, or slow, a promise such as p95 < 500 ms would be broken by the neighbour.
STACKS ?= 1
# The release that the embedded proxy is compared with.
TOXIPROXY := v2.12.0
BACKEND ?= auto
# More options: make chaos ARGS="--wt-profile=nightly", make report REPORT="--gate --keep 10".
ARGS   ?=
REPORT ?=

.PHONY: help setup chaos contract fuzz load report images test toxiproxy bench-resilience bench-proxy bench-storefront bench-load bench-stack clean
help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

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
	$(BIN)/python -m pytest -m chaos -n $(STACKS) --wt-backend=$(BACKEND) $(ARGS) chaos_specs

contract: setup ## services answer as their documents say, also in an outage; nobody who relies on them is broken
	$(BIN)/python -m pytest -m contract -n $(WORKERS) --wt-backend=$(BACKEND) $(ARGS) contracts

fuzz: setup ## every documented operation, healthy and with each edge that it uses broken in each way
	$(BIN)/python -m pytest -m fuzz -n $(WORKERS) --wt-backend=$(BACKEND) $(ARGS) contracts

load: setup ## load profiles: SLOs asserted under load (three minutes; with --wt-profile=nightly in ARGS all of them, longer)
	$(BIN)/python -m pytest -m load --wt-backend=$(BACKEND) $(ARGS) load/profiles

images: setup ## build or fetch what the docker backend needs (BACKEND=docker does so by itself)
	$(BIN)/windtunnel images

report: setup ## publish the last run in reports/published: the matrix, and Allure's report where npm is there
	@if test reports/node_modules/.package-lock.json -nt reports/package-lock.json; then :; \
	elif command -v npm >/dev/null; then npm ci --prefix reports --silent --no-audit --no-fund || echo "Allure could not be installed; everything else is built."; \
	else echo "Without npm there is no Allure report (Node.js 20 or newer has it); everything else is built."; fi
	$(BIN)/windtunnel report $$(test -x reports/node_modules/.bin/allure && echo --allure) $(REPORT)

test: setup ## lint, types, and every test
	$(BIN)/python -m tox -q

toxiproxy: $(BIN)/toxiproxy-server ## the real Toxiproxy beside ours, for the differential test (needs Go; once)

$(BIN)/toxiproxy-server: | $(STAMP)
	@command -v go >/dev/null || { echo "Go is needed to build Toxiproxy (https://go.dev/dl)"; exit 1; }
	@echo "Building Toxiproxy $(TOXIPROXY) (a minute, once) ..."
	@GOBIN=$(abspath $(VENV))/toxiproxy go install github.com/Shopify/toxiproxy/v2/cmd/server@$(TOXIPROXY)
	@mv $(VENV)/toxiproxy/server $@ && rmdir $(VENV)/toxiproxy

# The benchmarks' peers are in no lock file: the newest is what one wants to be compared with.
$(VENV)/.bench: $(STAMP) pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e '.[bench]'
	@touch $@

bench-resilience: $(VENV)/.bench ## the policies' cost beside other libraries (about two minutes)
	$(BIN)/python -m benchmarks.resilience

bench-proxy: $(BIN)/toxiproxy-server ## the embedded proxy beside the real Toxiproxy (about ten minutes)
	$(BIN)/python -m benchmarks.proxy

bench-storefront: setup ## what the stack costs each service, beside bare Flask (needs wrk)
	$(BIN)/python -m benchmarks.storefront

bench-load: setup ## requests/s from one core of the load generator, beside Locust's own clients and wrk (needs Go and wrk)
	$(BIN)/python -m benchmarks.load

bench-stack: setup ## start and stop of systems on both backends, beside docker compose (which needs an engine and compose)
	$(BIN)/python -m benchmarks.stack $(ARGS)

clean: ## remove what make and the runs left
	rm -rf $(VENV) .tox .mypy_cache .ruff_cache .pytest_cache reports/out benchmarks/out
