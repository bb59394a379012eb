# The verbs, in the order of the flow. `make` alone prints them. Everything a run writes goes to outputs/.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# What pip installs as torch, first and pinned, so that nothing swaps it for another build. With a GPU this takes the
# CUDA build where pip's index has one; any pip arguments work: make setup TORCH="torch==2.13.0 --index-url <index>".
TORCH ?= torch==2.13.0
PYTHON ?= python3
VENV ?= .venv
# What make setup installs: what ran together, or with LOCK= the newest that pyproject.toml allows.
LOCK ?= requirements.lock
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
DEMO := outputs/demo
DATASET ?= gsm8k-ai-subq
METHOD ?= bc
ifndef GPU
GPU := $(CARD)
endif

# A variable as one word of the shell, whatever spaces, quotes and dollars the user put into it.
quoted = '$(subst ','\'',$(value $(1)))'

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
	$(PY) -m pip install --quiet --constraint $(VENV)/torch.txt $(if $(LOCK),--requirement $(LOCK),.[dev])
	$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(PY) -m pip check
	@touch $@

# --- the whole way, on the embedded world -----------------------------------------------------------------------------

.PHONY: demo
demo: setup  ## the whole way on the embedded world: no key, no GPU, no Hub (under 6 minutes once installed)
	@$(PY) -m model_cards.demo --output $(DEMO)

# --- problems -> sub-questions -> answers -> feedback -> dataset ------------------------------------------------------

PROBLEMS ?= gsm8k
RUN ?= outputs/generate

.PHONY: generate
generate: setup  ## ask a teacher: make generate MODEL=gpt-4o-mini [PROBLEMS=my.jsonl] [RUN=outputs/my] [ARGS="--dry_run"]
	$(PY) -m dataset_builder.generate --problems $(call quoted,PROBLEMS) --model $(call quoted,MODEL) --output $(call quoted,RUN) $(ARGS)

.PHONY: build
build: setup  ## a dataset of what was generated: make build [RUN=outputs/my] [DATASET=my-subq] [ARGS="--license ..."]
	$(PY) -m dataset_builder.build --generation $(call quoted,RUN) --output $(call quoted,DATASET) $(ARGS)

.PHONY: dataset
dataset: setup  ## build gsm8k-ai-subq/ from the published files (SUBQ_DATA or their public home)
	$(PY) -m dataset_builder.build --published --output $(call quoted,DATASET) $(ARGS)

.PHONY: stats
stats: setup  ## the dataset's numbers and figures, written into its card
	$(PY) -m dataset_builder.stats --dataset $(call quoted,DATASET) $(ARGS)

.PHONY: push-dataset
push-dataset: setup  ## make push-dataset REPO=org/name [ARGS="--yes --tag v1.0.0"]: dry run unless --yes
	$(PY) -m dataset_builder.push --folder $(call quoted,DATASET) --repo $(call quoted,REPO) $(ARGS)

# --- dataset -> recipe -> checkpoint ----------------------------------------------------------------------------------

train-%: setup  ## make train-mistral-lora, train-<backbone>-<adapter> [METHOD=bc] [GPU=24gb] [JOBS=a10g-large]
	$(PY) -m recipes.$(if $(JOBS),jobs --flavor $(call quoted,JOBS),train) --recipe '$*' --method $(call quoted,METHOD) --dataset $(call quoted,DATASET) $(if $(GPU),--gpu $(call quoted,GPU)) $(ARGS)

.PHONY: train
train: setup  ## any recipe: make train RECIPE=gpt2/bc_full [ARGS="--max_steps 100"]
	$(if $(RECIPE),,$(error name the recipe: make train RECIPE=gpt2/bc_full))$(PY) -m recipes.train --recipe $(call quoted,RECIPE) --dataset $(call quoted,DATASET) $(ARGS)

.PHONY: plan
plan: setup  ## which backbone for my GPU: make plan [GPU=12gb]
	@$(PY) -m recipes.plan $(if $(GPU),--gpu $(call quoted,GPU)) $(ARGS)

plan-%: setup  ## memory and time on a GPU before anything starts: make plan-mistral-qlora GPU=12gb
	@$(PY) -m recipes.plan --recipe '$*' --method $(call quoted,METHOD) $(if $(GPU),--gpu $(call quoted,GPU)) $(ARGS)

.PHONY: generate-subquestions
generate-subquestions: setup  ## try a checkpoint: make generate-subquestions CHECKPOINT=DIR [PROBLEM="Ann has ..."]
	@$(PY) -m recipes.decompose --checkpoint $(call quoted,CHECKPOINT) $(if $(PROBLEM),--problem $(call quoted,PROBLEM)) $(ARGS)

.PHONY: merge
merge: setup  ## adapter -> whole weights on the full-precision base, with the measured drift: make merge CHECKPOINT=DIR
	$(PY) -m recipes.merge --checkpoint $(call quoted,CHECKPOINT) $(ARGS)

# --- checkpoint -> predictions -> scores -> cards ---------------------------------------------------------------------

.PHONY: eval
eval: setup  ## score pairs (the embedded world where no ARGS are given): make eval ARGS="--source gsm8k --solvers openai:MODEL"
	$(PY) -m eval_harness.run $(or $(ARGS),--config eval_harness/configs/micro_gsm.yaml)

.PHONY: reproduce
reproduce: setup  ## paper A's table from the published responses, as printed and corrected
	$(PY) -m eval_harness.replay --published $(ARGS)

.PHONY: card
card: setup  ## a checkpoint's model card: make card CHECKPOINT=DIR RESULTS=DIR
	$(PY) -m model_cards.cards --checkpoint $(call quoted,CHECKPOINT) --results $(call quoted,RESULTS) $(ARGS)

.PHONY: push-model
push-model: setup  ## make push-model CHECKPOINT=DIR REPO=org/name [ARGS="--yes --tag v1"]; the card comes first
	$(PY) -m model_cards.push --checkpoint $(call quoted,CHECKPOINT) --repo $(call quoted,REPO) $(ARGS)

.PHONY: space push-space
space: setup  ## the demo page on this machine: make space [ARGS="--decomposers ... --solver ..."]
	$(PY) -m model_cards.space.app $(ARGS)

push-space: setup  ## make push-space REPO=org/name [ARGS="--runtime static --results outputs/eval --yes"]
	$(PY) -m model_cards.space.push --repo $(call quoted,REPO) $(ARGS)

.PHONY: collection
collection: setup  ## link them: make collection ARGS="--namespace org --items dataset:org/data model:org/model space:org/metric"
	$(PY) -m model_cards.collection $(ARGS)

.PHONY: push-metric
push-metric: setup  ## make push-metric METRIC=subq_accuracy REPO=org/subq_accuracy [ARGS=--yes]: for evaluate.load
	$(PY) -m eval_harness.push_metric --metric $(call quoted,METRIC) --repo $(call quoted,REPO) $(ARGS)

# --- studies: a paper's whole argument, one command ---------------------------------------------------------------------

.PHONY: study
study: setup  ## a paper's whole argument: make study STUDY=subq [SCALE=small] [PROFILE=slurm] [ARGS="--dry_run"]
	$(PY) -m eval_harness.study --study $(call quoted,STUDY) $(if $(SCALE),--scale $(call quoted,SCALE)) $(if $(PROFILE),--profile $(call quoted,PROFILE)) $(ARGS)

.PHONY: study-status
study-status: setup  ## how it stands, while it runs and after: make study-status STUDY=subq
	@$(PY) -m eval_harness.study.status --study $(call quoted,STUDY) $(ARGS)

# --- the workshop -----------------------------------------------------------------------------------------------------

# One thread a worker: more would wait for each other. Eight workers at most: each loads torch. A file is one worker's,
# with its fixtures.
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile

.PHONY: test test-all
test: setup  ## the fast tests, in parallel: offline, CPU; those that read published files need SUBQ_DATA
	$(PYTEST) -m "not slow" $(ARGS)

test-all: test  ## and then the slow ones: kills, real servers, a browser, the loopback Hub
	$(PYTEST) -m slow $(ARGS)

.PHONY: check
check: setup  ## format, lint, types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

# A tag names the version that it is built as.
define TAGGED
import sys, tomllib
version = tomllib.load(open("pyproject.toml", "rb"))["project"]["version"]
sys.exit(sys.argv[1] != f"v{version}" and f"error: the tag is {sys.argv[1]}, pyproject.toml says {version}")
endef
export TAGGED

.PHONY: wheels
wheels: setup  ## sdist and wheel into dist/ [TAG=v1.2.3: only if that is the version]
	$(if $(TAG),$(PY) -c "$$TAGGED" $(call quoted,TAG))
	rm -rf build dist
	$(PY) -c 'from setuptools import build_meta as build; build.build_sdist("dist"); build.build_wheel("dist")'

bench-offline-rl: setup  ## the offline RL study again, from recipes/experiments/offline_rl (hours; see its README)
	$(PY) -m tests.experiments.offline_rl.run $(ARGS)

bench-online-rl: setup  ## learning from own samples, from recipes/experiments/online_rl (hours; resumable; see its README)
	$(PY) -m tests.experiments.online_rl.run $(ARGS)

BENCHMARKS := $(patsubst tests/benchmarks/bench_%.py,%,$(wildcard tests/benchmarks/bench_*.py))

bench-%: setup  ## a benchmark of speed or memory, into outputs/bench/: answers, generate, build, eval, tiny, train, launches, plan, ilql, published, gpu
	$(if $(filter $(subst -,_,$*),$(BENCHMARKS)),,$(error no benchmark $*; valid: $(BENCHMARKS)))$(PY) -m tests.benchmarks.bench_$(subst -,_,$*) $(ARGS)

# The site has an environment of its own, so that its tools and the lock never meet.
DOCS := .venv-docs
DOCS_READY := $(DOCS)/.ready
MKDOCS := SUBQ_PYTHON=$(abspath $(PY)) NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs

$(DOCS_READY): docs/requirements.txt
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/pip install --quiet --requirement $<
	@touch $@

.PHONY: docs docs-serve
docs: setup $(DOCS_READY)  ## the site, strictly, into outputs/site: a dead link or an undocumented public name stops it
	$(MKDOCS) build --strict --quiet $(ARGS)
	@echo "site: outputs/site/index.html"

docs-serve: setup $(DOCS_READY)  ## the site while one writes: http://127.0.0.1:8000
	$(MKDOCS) serve $(ARGS)

# Any other word: the verbs, and the nearest of them.
define UNKNOWN
import difflib, re, sys
text = open(sys.argv[2], encoding="utf-8").read()
verbs = [verb for verbs in re.findall(r"^([a-z%][a-z% -]*):.*##", text, re.M) for verb in verbs.split()]
close = difflib.get_close_matches(sys.argv[1], verbs, n=1, cutoff=0.5)
meant = f", did you mean {close[0]!r}?" if close else ";"
sys.exit(f"error: make has no verb {sys.argv[1]!r}{meant} valid: {', '.join(verbs)}")
endef
export UNKNOWN

.DEFAULT:
	@$(PYTHON) -c "$$UNKNOWN" "$@" "$(firstword $(MAKEFILE_LIST))"

.PHONY: clean-demo
clean-demo:  ## forget the demo's outputs
	rm -rf $(DEMO)
