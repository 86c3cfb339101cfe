# `make` alone lists the targets. Everything runs inside .venv, built from requirements.lock.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REPORT_LANGUAGE ?= en
SAMPLE := data/banks/sample

# Without bytecode every kernel would compile pandas anew (about 1.5 s each).
unexport PYTHONDONTWRITEBYTECODE
export UV_COMPILE_BYTECODE := 1
# A project environment of its own: whatever the shell had is not to leak into it.
unexport PYTHONPATH

# An interpreter with the peers that do not share an environment with the project (see CONTRIBUTING.md).
PEERS ?= $(BIN)/python

.PHONY: help setup report lab test lint lock sample bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## create .venv from requirements.lock

# uv itself comes out of the lock (with its hashes), then installs the rest of it.
$(VENV)/.ready: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@awk '/^uv==/{on=1} on{print} on&&!/\\$$/{exit}' requirements.lock > $(VENV)/uv.lock.txt
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement $(VENV)/uv.lock.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(SAMPLE)/bank.yml: | $(VENV)/.ready
	@$(BIN)/playbook sample $(SAMPLE)

sample: $(SAMPLE)/bank.yml ## build the sample bank (simulated) in data/banks/sample

report: setup $(SAMPLE)/bank.yml ## run playbooks/silver_checkin and print the board's path (REPORT_LANGUAGE=zh for Chinese)
	@$(BIN)/playbook run silver_checkin --language $(REPORT_LANGUAGE)

lab: setup ## open JupyterLab
	@JUPYTER_PATH=$(CURDIR)/src/helpers/runs/forking$${JUPYTER_PATH:+:$$JUPYTER_PATH} $(BIN)/jupyter lab notebooks

lint: setup ## ruff (lint and format, notebooks too) and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

test: lint $(SAMPLE)/bank.yml ## everything: lint, contracts, unit tests, doctests, notebooks, playbooks, pages in a browser
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q --nbval-lax notebooks
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q

bench: setup ## the benchmarks whose figures stand in the README
	@for script in retention batch recovery sample_bank forty_cases; do $(BIN)/python benchmarks/$$script.py || exit 1; done
	@for script in uplift experiments; do $(BIN)/python benchmarks/$$script.py --peers $(PEERS) || exit 1; done
	@$(BIN)/python benchmarks/readme.py

lock: setup ## compile requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--all-extras --quiet pyproject.toml --output-file requirements.lock

clean: ## remove what was built (.venv stays)
	@rm -rf reports data/banks .pytest_cache .ruff_cache .hypothesis
