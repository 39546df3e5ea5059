# What a person can do here. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= examples/destinations.toml
.DEFAULT_GOAL := help
.PHONY: help setup demo run test lint audit sbom docs chaos bench bench-quick fuzz lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.worker: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Set PYTHON=python3.12 or so.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -c "import worker, tasks.deliver, tasks.enqueue, tasks.sweep, worker.cli.main"
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.worker
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.dev ## make .venv with the locked dependencies

demo: $(VENV)/.worker ## the whole story in a minute: enqueue, deliver, fail, mend, replay
	$(BIN)/python -m examples.demo

# Redis is the embedded one and TikTok the sandbox, whatever the environment says: this is for trying things out.
run: $(VENV)/.dev ## every process of examples/Procfile: a sandbox TikTok, a worker, the pages; Ctrl-C ends them
	@env -u REDIS_URL -u CELERY_BROKER_URL PATH="$(abspath $(BIN)):$$PATH" PYTHONUNBUFFERED=1 \
	  TIKTOK_EVENTS_CONFIG=$(CONFIG) TIKTOK_ACCESS_TOKEN=token-for-the-sandbox \
	  $(BIN)/honcho -e /dev/null start -f examples/Procfile

test: lint ## lint, types, layers and every test
	$(BIN)/python -m pytest

chaos: $(VENV)/.dev ## kill workers and Redis for minutes, and count every event
	$(BIN)/python -m benchmarks.chaos

bench: $(VENV)/.dev ## measure for ten minutes or some more next to what one would write without this; write docs/
	$(BIN)/python -m benchmarks --docs

bench-quick: $(VENV)/.dev ## the same in about a minute, with more spread
	$(BIN)/python -m benchmarks --quick

fuzz: $(VENV)/.dev ## two minutes of arbitrary inputs at door and mapping, counted
	$(BIN)/python -m benchmarks.fuzz

lint: $(VENV)/.dev audit ## ruff, mypy (strict), import-linter, and known vulnerabilities
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(VENV)/.dev ## look up what is locked (the worker's packages are in it) among known vulnerabilities
	$(BIN)/python .ci/audit.py requirements-dev.lock

sbom: $(VENV)/.dev ## write dist/sbom.cdx.json: every package of the image with version and hashes (CycloneDX)
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o dist/sbom.cdx.json

docs: $(VENV)/.dev ## write the generated tables of docs/ anew
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/coverage.py
	$(BIN)/python docs/dashboard.py

lock: $(VENV)/.dev ## compile the hashed lock files from pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-options --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --allow-unsafe --extra worker -o requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-options --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --allow-unsafe --extra worker --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(BIN)/python .ci/mark_locks.py requirements.lock requirements-dev.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
