# `make` prints the targets. PYTHON names the Python to use.

SHELL := /bin/sh
BIN := .venv/bin
export PYTHON

.PHONY: help chat test check format clean
.DEFAULT_GOAL := help

help:  ## print these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

chat: .venv/installed  ## chat in the terminal; the first time this installs and trains
	@$(BIN)/python -m bot.cli.main chat --config config.toml || { code=$$?; \
	if [ -t 0 ] && [ -t 1 ]; then exit $$code; fi; \
	echo "Here the command is $(BIN)/attendant."; test $$code -eq 2; }

test: check  ## run the checks and all tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

check: .venv/installed-dev  ## check format, lint, types and import contracts
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m mypy
	@$(BIN)/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

format: .venv/installed-dev  ## format the code and repair what can be repaired
	@$(BIN)/python -m ruff format .
	@$(BIN)/python -m ruff check --fix .

clean:  ## remove the virtual environment and caches; var/ (model, conversations) stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: pyproject.toml .ci/prepare
	@sh .ci/prepare

.venv/installed-dev: pyproject.toml .ci/prepare
	@sh .ci/prepare dev
