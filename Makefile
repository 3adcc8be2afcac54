# One verb each. `make help` lists them. Everything runs from .venv, which is made on first use.

PYTHON ?= python3
RUN    := .venv/bin/
PIP    := $(RUN)python -m pip --disable-pip-version-check install --quiet

# A stamp carries the checksum of what it was made from, so that a second run costs nothing and a
# change of the lock, the metadata or the folder is noticed whatever the clocks of the files say.
sum      = $(shell { pwd; cat $(1); } 2>/dev/null | cksum | cut -d ' ' -f 1)
PROJECTS := pyproject.toml clients/python/pyproject.toml
RUNTIME := .venv/.runtime-$(call sum,requirements.lock $(PROJECTS))
DEV     := .venv/.dev-$(call sum,requirements-dev.lock requirements.lock $(PROJECTS))

COMPILE = $(RUN)uv --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --system-certs \
	--custom-compile-command "make lock" --no-emit-package backburner-client $(LOCK_OPTIONS) --extra local --extra build

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo up test lint types format prove bench histories lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(RUNTIME) ## run the main job once on this machine, show the result, then stop everything
	$(RUN)backburner demo

up: $(RUNTIME) ## start the whole system on this machine and keep it running until Ctrl-C
	$(RUN)backburner up

test: $(DEV) ## run the tests (ARGS="-k cancel" narrows them)
	$(RUN)python -m pytest -n 3 --dist loadfile $(ARGS)

lint: $(DEV) ## check style, formatting and the directions of imports
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)lint-imports

types: $(DEV) ## check the types, strictly
	$(RUN)mypy .

format: $(DEV) ## mend style and formatting in place
	$(RUN)ruff check --fix .
	$(RUN)ruff format .

prove: $(DEV) ## run the long and timed proofs, with their reports
	$(RUN)python -m pytest -m prove --timeout=1800 -rA $(ARGS)

bench: $(DEV) ## measure throughput, latency, memory and recovery
	$(RUN)python -m benchmarks $(ARGS)

histories: $(DEV) ## record the workflow histories that the replay tests use
	$(RUN)python -m tests.workflows.record_histories $(ARGS)

lock: $(DEV) ## write the hashed locks anew from pyproject.toml (LOCK_OPTIONS=--upgrade moves versions)
	$(COMPILE) pyproject.toml --output-file requirements.lock
	$(COMPILE) --extra dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock

# The dev lock is the runtime lock and more, so one environment serves both, and dev satisfies runtime.
$(RUNTIME):
	$(call environment,requirements.lock)
	@touch $@

$(DEV):
	$(call environment,requirements-dev.lock)
	@touch $(RUNTIME) $@

# Stamps of older locks are removed first: an interrupted install is then done again. Scripts in .venv
# hold its path, so a copied or moved folder, like another Python, gets a new one.
define environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo 'Backburner needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3' >&2; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' \
	|| { echo 'This Python cannot make virtual environments; on Debian install python3-venv' >&2; exit 1; }
@echo 'Installing $(1) into .venv'
@rm -f .venv/.runtime-* .venv/.dev-*
@maker="$$(pwd) $$($(PYTHON) -V)"; test "$$(cat .venv/.maker 2>/dev/null)" = "$$maker" \
	|| { $(PYTHON) -m venv --clear .venv && printf '%s' "$$maker" > .venv/.maker; }
@$(PIP) --require-hashes --only-binary :all: -r $(1)
@$(PIP) --no-deps --no-build-isolation -e .
@$(PIP) --no-deps --no-build-isolation -e clients/python
endef
