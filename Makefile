# Hotseat's commands. `make` alone lists them.
PYTHON3 ?= python3
UV ?= $(shell $(PYTHON3) config/bootstrap.py)
PY := .venv/bin/python
# Without npm on the machine, Node.js comes as a wheel into the virtual environment.
NPM := $(shell command -v npm)
NODE_GROUP := $(if $(NPM),,--group node)
WORKERS ?= 2
RUNS ?= 1
# How many: contacts of `make chaos`, calls of each load of `make theory`.
chaos: N ?= 200
theory: N ?= 20000
SOURCES := manage.py config tenants agents routing reporting billing deploy tests
FRONT_END := package.json package-lock.json $(shell find config/assets -type f 2>/dev/null) \
	$(shell find config tenants agents routing reporting billing -name '*.html' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup assets run test test-lab model mutants lint format lab lab-down demo-call services-up services-down bench bench-acd bench-engine oracle chaos theory replay

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup assets ## start everything and serve http://127.0.0.1:8000; Ctrl-C stops all of it
	@exec $(PY) -m config.processes

test: setup assets ## all tests that need no exchange (no root needed)
	$(PY) -m config.npm test --silent
	$(PY) -m pytest -n $(WORKERS) -m "not browser and not lab and not benchmark" tests $(PYTEST_ARGS)
	@# Apart from the others: their driver runs an event loop that bears no second one. Status 5: no Chromium here.
	$(PY) -m pytest -m browser tests/browser $(PYTEST_ARGS) || { [ $$? -eq 5 ] && [ -z "$$CI" ]; }

test-lab: setup assets ## the tests on the real exchange (root)
	$(PY) -m pytest -m "lab and not long" tests $(PYTEST_ARGS)

bench: ## every benchmark; one that misses a bound holds up no other
	$(MAKE) --keep-going bench-acd bench-engine

bench-acd: setup ## our ACD beside app_queue and an in-memory floor, on the lab (root; RUNS=5 for the full form)
	$(PY) -m tests.benchmarks.acd --runs $(RUNS) $(BENCH_ARGS)

bench-engine: setup ## what routing costs PostgreSQL, and how that stays with growth (RUNS=5 for the full form)
	$(PY) -m tests.benchmarks.engine --runs $(RUNS) $(BENCH_ARGS)

model: setup ## check every run of the protocol model, with and without its guards (about three minutes; root to install spin)
	$(PY) -m tests.model

oracle: setup ## 2,000 random sequences of 40 events each, every decision compared with the naive policy (hours)
	ORACLE_SEQUENCES=2000 ORACLE_STEPS=40 $(PY) -m pytest tests/routing/matching/test_machine.py $(PYTEST_ARGS)

chaos: setup ## callers by SIPp while processes are killed at random (root; N=200 contacts, CHAOS_ARGS="--seed 7")
	$(PY) -m pytest -m "lab and long" tests/lab $(PYTEST_ARGS)
	$(PY) -m tests.chaos --contacts $(N) $(CHAOS_ARGS)

theory: setup ## routing against queueing theory under a moved clock (half an hour; N=20000 calls a load, THEORY_ARGS="--stored --write")
	$(PY) -m tests.theory --calls $(N) $(THEORY_ARGS)

replay: setup ## a recorded fortnight of a call centre through the services (FILE=…csv.gz; REPLAY_ARGS="--days 1999-08-01")
	@test -n "$(FILE)" || { echo "FILE= must name a record; tests/replay/record.py says of what form" >&2; exit 2; }
	$(PY) -m tests.replay "$(FILE)" $(REPLAY_ARGS)

mutants: setup ## seed faults in a scratch clone; each must be caught (about ten minutes)
	$(PY) -m tests.mutants

lint: setup ## format, rules, types, boundaries between apps, migrations
	.venv/bin/ruff format --check --quiet $(SOURCES)
	.venv/bin/ruff check --quiet $(SOURCES)
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	$(PY) -m config.messages --check
	$(PY) -m config.migration_check

format: setup ## put the code into its form
	.venv/bin/ruff format $(SOURCES)
	.venv/bin/ruff check --fix --quiet $(SOURCES)

lab: setup ## install and start Asterisk for this checkout (root)
	$(PY) -m deploy.lab up

lab-down: setup ## stop it
	$(PY) -m deploy.lab down

demo-call: setup ## one real call through the lab, told from ring to bill (root)
	$(PY) -m config.demo_call

services-up: setup ## start PostgreSQL and Valkey for this checkout and prepare the database
	$(PY) -m config.services up

services-down: setup ## stop them
	$(PY) -m config.services down

setup: .venv/.locked ## make the virtual environment from the lock file, the secrets and the ports

.venv/.locked: uv.lock pyproject.toml config/bootstrap.py
	$(UV) sync --locked --quiet $(NODE_GROUP)
	$(PY) -m config.services prepare
	@touch $@

assets: var/static-build/.built ## build the front end and compile the translations
	@$(PY) -m config.messages

node_modules/.installed: package.json package-lock.json .venv/.locked
	$(PY) -m config.npm ci --no-audit --no-fund --loglevel=error
	@touch $@

var/static-build/.built: node_modules/.installed $(FRONT_END)
	$(PY) -m config.npm run --silent build
	@touch $@
