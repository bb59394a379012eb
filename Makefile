# The verbs, in the order of the flow. `make` alone prints them. Everything a run writes goes to outputs/.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# What pip installs as torch, first and pinned, so that nothing swaps it for another build. With a GPU this takes the
# CUDA build where pip's index has one; any pip arguments work: make setup TORCH="torch==2.13.0 --index-url <index>".
TORCH ?= torch==2.13.0
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
DEMO := outputs/demo
DATASET ?= gsm8k-ai-subq

.PHONY: help
help:  ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z_%-]+:.*## / {printf "  make %-24s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY)  ## one virtual environment with everything (demo and test call it themselves)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed; name one: make setup PYTHON=python3.12")'
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet $(TORCH)
	$(PY) -m pip freeze | grep '^torch==' > $(VENV)/torch.txt
	$(PY) -m pip install --quiet --constraint $(VENV)/torch.txt --requirement requirements.lock
	$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(PY) -m pip check
	@touch $@
