# One word for each habit; `make` alone lists them. The environment is `.venv` with the extra `dev`
# (docs/contributing.md); another interpreter: `make test PYTHON=python3.13`.
PYTHON ?= .venv/bin/python
TOOLS = $(dir $(shell command -v $(PYTHON)))
export PYTHONPATH := $(CURDIR)
.PHONY: help build quick test lint tables man docs site bench bench-report bench-publish bench-compare coverage fuzz sanitized peers

help:
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: ## compile in place what has changed
	$(PYTHON) -c 'from setuptools import setup; setup()' -q build_ext --inplace --parallel 2

quick: build ## the tests that take no time, without TensorFlow's: less than a minute
	$(PYTHON) -m pytest -q -m 'not slow' --ignore=tests/tfop --hypothesis-profile=brief

test: build ## all tests
	$(PYTHON) -m pytest -q

lint: ## ruff, cython-lint, mypy, codespell
	$(TOOLS)ruff check .
	$(TOOLS)ruff format --check .
	git ls-files -z '*.pyx' '*.pxd' '*.pxi' | xargs -0 $(TOOLS)cython-lint
	$(PYTHON) -m mypy
	git ls-files -z | xargs -0 $(TOOLS)codespell

tables: build ## the tables of the pages and the page of `man`, from the code
	$(PYTHON) docs/tables.py

man: tables ## the same, and shows the page of `man`
	man ./packaging/dicomdecode.1

docs: build ## the examples, links and tables of the pages
	$(PYTHON) -m pytest -q tests/test_docs.py

site: build ## the pages as a site, in build/site
	$(PYTHON) -m sphinx -W --keep-going -q -b html docs build/site

bench: build ## what must be reached, against competitors
	$(PYTHON) benchmarks/ratios.py

# What asv measures with: this interpreter, and the package of this folder.
ASV = ASV_PYTHONPATH=$(CURDIR) $(TOOLS)asv
ASV_RUN = $(ASV) run --python=same --set-commit-hash "$$(git rev-parse HEAD)"
ASV_CONFIG = --config benchmarks/asv.conf.json

bench-report: build ## benchmarks beside the readers installed, as tables and plots: docs/benchmarks.md
	$(ASV) machine --yes $(ASV_CONFIG)
	$(ASV_RUN) --bench '^bench_rivals' --cpu-affinity 0 $(ASV_CONFIG)
	$(ASV_RUN) --bench '^bench_scaling' $(ASV_CONFIG)
	$(PYTHON) benchmarks/report.py

bench-publish: ## the dashboard of all results so far: .asv/html
	$(TOOLS)asv publish $(ASV_CONFIG)

BASE ?= HEAD~1
bench-compare: ## this commit against BASE=ref, in one run: what is slower by more than a tenth
	$(TOOLS)asv machine --yes $(ASV_CONFIG)
	PATH="$(TOOLS):$$PATH" $(TOOLS)asv continuous --factor 1.1 --split --show-stderr $(if $(BENCH),--bench '$(BENCH)') "$(BASE)" HEAD $(ASV_CONFIG)

coverage: ## lines that the quick tests run, Python and Cython
	PYTHON=$(PYTHON) .ci/coverage

fuzz: build ## damaged files, and many more drawn ones, others in each run
	$(PYTHON) -m pytest -q tests/test_robustness.py
	$(PYTHON) -m pytest -q --hypothesis-profile=thorough tests/pixels/test_properties.py

sanitized: ## the quick tests over modules built with gcc's sanitizers
	PYTHON=$(PYTHON) .ci/sanitized

peers: ## other projects' own tests over this package; fetches them
	PYTHON=$(PYTHON) .ci/peers
