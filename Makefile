# One word per task, the same here and in CI. Once: python3 -m venv .venv && .venv/bin/pip install '.[test]'

SHELL := bash
.SHELLFLAGS := -euo pipefail -c

BIN ?= .venv/bin
UV ?= uv

.PHONY: help fmt fmt-check lint types imports test coverage unit-file docker-lint lock check

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

fmt:  ## format the code and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

fmt-check:  ## fail where fmt would change something
	$(BIN)/ruff format --check .

lint:  ## ruff, with (nearly) every rule
	$(BIN)/ruff check .

types:  ## mypy, strict
	$(BIN)/mypy

imports:  ## who may import whom: the contracts in pyproject.toml
	$(BIN)/lint-imports --no-logo

test:  ## install this checkout, then test what is installed
	$(BIN)/pip install --quiet --disable-pip-version-check '.[test]'
	$(BIN)/pytest

coverage:  ## the gates on the last `pytest --cov`: 90 % in all, 100 % in the domain
	@failed=0; \
	$(BIN)/coverage report --fail-under=90 || failed=1; \
	$(BIN)/coverage report --include='fbm_sync/domain/*' --fail-under=100 || failed=1; \
	exit $$failed

unit-file:  ## the systemd unit: no mistake, and little exposed
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; unit=$$tmp/fbm_sync.service; \
	sed 's#^ExecStart=/opt/fbm_sync/bin/#ExecStart=$(abspath $(BIN))/#' systemd/fbm_sync.service >"$$unit"; \
	systemd-analyze verify --man=no "$$unit" 2>&1 | tee "$$tmp/said"; \
	if grep -q -F fbm_sync.service "$$tmp/said"; then echo 'a warning counts here'; exit 1; fi; \
	systemd-analyze security --no-pager --offline=true --threshold=20 "$$unit" | tail -n 1

docker-lint:  ## hadolint
	$(BIN)/hadolint Dockerfile

lock:  ## pin the image's dependencies anew, by hash (needs uv)
	$(UV) pip compile --quiet --universal --generate-hashes --upgrade --no-config --extra postgres --extra notifications \
		--custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml

check: fmt-check lint types imports unit-file docker-lint test  ## everything, before a commit
