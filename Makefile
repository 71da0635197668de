# Hotseat's commands. `make` alone lists them.
PYTHON3 ?= python3
UV ?= $(shell $(PYTHON3) config/bootstrap.py)
PY := .venv/bin/python
RUN := .venv/bin
# Without npm on the machine, Node.js comes as a wheel into the virtual environment.
NODE_GROUP := $(if $(shell command -v npm),,--group node)

.DEFAULT_GOAL := help
.PHONY: help setup assets run test test-lab lint format services-up services-down

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.locked ## make the virtual environment from the lock file, the secrets and the ports

.venv/.locked: uv.lock pyproject.toml config/bootstrap.py
	$(UV) sync --locked --quiet $(NODE_GROUP)
	$(PY) -m config.services prepare --profile run
	@touch $@

services-up: setup ## start PostgreSQL and Valkey for this checkout (profile run) and prepare the database
	$(PY) -m config.services up

services-down: setup ## stop them
	$(PY) -m config.services down
