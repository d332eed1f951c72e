# Two commands are enough on a fresh machine: `make demo` and `make test`.
# Every target makes the environment it needs, once, and again when the project file or
# the constraints change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet -c constraints.txt
HIGGSML ?=
# Processes that share the files of tests.
WORKERS ?= 2
BENCHMARKS := $(basename $(notdir $(sort $(wildcard benchmarks/bench_*.py))))

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-third-party lint docs bench study clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

$(VENV)/.created:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade "pip>=25.1"
	touch $@

$(VENV)/.runtime: $(VENV)/.created pyproject.toml constraints.txt
	$(PIP) -e ".[all]"
	touch $@

$(VENV)/.test: $(VENV)/.runtime
	$(PIP) --group test
	touch $@

# The type checker reads the installed dependencies of the tests, too.
$(VENV)/.lint: $(VENV)/.test
	$(PIP) --group lint
	touch $@

$(VENV)/.docs: $(VENV)/.runtime
	$(PIP) --group docs
	touch $@

$(VENV)/.bench: $(VENV)/.runtime
	$(PIP) --group bench
	-$(PIP) --group networks
	touch $@

$(VENV)/.third-party: $(VENV)/.test
	$(PIP) --group third-party
	touch $@

demo: $(VENV)/.runtime  ## run the main job on toy events, or on HIGGSML=path
	$(BIN)/python examples/main_job.py --output demo-output $(if $(HIGGSML),--higgsml "$(HIGGSML)")

# Files of tests are shared out among workers, each of which computes on one core.
test: $(VENV)/.test  ## run all tests but the slow ones, with WORKERS=2
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow and not gpu"

test-all: $(VENV)/.test  ## run all tests
	$(BIN)/python -m pytest

test-third-party: $(VENV)/.third-party  ## run the tests with tools of others
	$(BIN)/python -m pytest tests/test_third_party.py tests/test_skops.py docs/guides/other_tools.md

lint: $(VENV)/.lint  ## check style, types, spelling and the project's own files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format --default-filetype yaml CITATION.cff
	$(BIN)/zizmor --offline --quiet .github/workflows

docs: $(VENV)/.docs  ## build the documentation into docs/_build/html
	rm -rf docs/_build docs/reference/generated docs/gallery
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.bench  ## run every benchmark (ratios within one run)
	@for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

study: $(VENV)/.bench  ## run the study of the HiggsML solution (hours; HIGGSML=path)
	$(BIN)/python -m benchmarks.higgsml_study $(if $(HIGGSML),--higgsml "$(HIGGSML)")

clean:  ## remove the environment and everything built
	rm -rf $(VENV) demo-output study-output docs/_build docs/gallery docs/reference/generated build dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache
