# The two commands a newcomer needs are `make run` and `make test`; both set themselves up.

.DEFAULT_GOAL := help
.PHONY: help install run test lint bench clean

BIN := .venv/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && { echo $$p; break; }; done)

help:
	@echo "make run      start the server with sample data on http://127.0.0.1:8000"
	@echo "make test     run the test suite"
	@echo "make lint     ruff, mypy and the import rules"
	@echo "make bench    measure the server beside hand-written endpoints (needs wrk)"
	@echo "make install  only set up .venv"
	@echo "make clean    remove .venv and every cache; data in .duetdb stays"

install: .venv/.installed

.venv/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "DuetDB needs Python 3.11 or later: install it (Debian, Ubuntu:" \
		"apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual" \
		"environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded,dev]' || { \
		echo "The packages could not be installed: pip's message above says why." >&2; exit 1; }
	@touch $@

run: install
	@$(BIN)/duetdb serve --demo

test: install
	@$(BIN)/pytest

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: install
	@command -v wrk >/dev/null 2>&1 || { echo "make bench needs wrk: install it" \
		"(Debian, Ubuntu: apt-get install wrk)." >&2; exit 1; }
	@$(BIN)/python -m bench

clean:
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
