# Every target sets up .venv by itself; its stamp files make the second time instant.
#   make demo                      tag the examples and show what came out
#   make test [ARGS=tests/jobs]    style, types and all tests, or what ARGS says to pytest, on real servers
#   make test TOGETHER=1           the same, so many tests at a time (3: most of them wait for leases and processes)
#   make lint                      style and types
# PYTHON=/path/to/python chooses the interpreter of a new .venv.

.DELETE_ON_ERROR:
.PHONY: demo test lint clean

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
ARGS ?=
TOGETHER ?= 3
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))

demo: $(VENV)/installed
	@$(BIN)/tagwerk demo

test: $(VENV)/installed-dev
	$(if $(ARGS),,@$(MAKE) --no-print-directory lint)
	@$(BIN)/python tests/services.py -- $(BIN)/python -m pytest -n $(TOGETHER) --dist worksteal $(ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/installed: pyproject.toml $(VENV)/made
	$(BIN)/python -m pip install --disable-pip-version-check -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml $(VENV)/made
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[dev]'
	@touch $(VENV)/installed $@

# A .venv that somebody made by hand is kept, as long as it has pip and a suitable Python.
$(VENV)/made:
	@if [ -e $(VENV)/pyvenv.cfg ] && $(BIN)/python -c '$(SUITABLE)' && $(BIN)/python -m pip --version >/dev/null; then \
	  touch $@; exit 0; \
	fi; \
	for python in $(or $(PYTHON),python3.11 python3.12 python3); do \
	  if "$$python" -c '$(SUITABLE)' 2>/dev/null; then \
	    echo "setting up $(VENV) with $$python: a minute or two, this once"; \
	    "$$python" -m venv --clear $(VENV) && $(BIN)/python -m pip --version >/dev/null && touch $@ && exit 0; \
	    echo "error: $$python cannot make a virtual environment with pip." >&2; \
	    echo "On Debian and Ubuntu: apt-get install python3-venv (or the one of its version)" >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo "error: Tagwerk needs Python 3.11 or 3.12; none of these is one: $(or $(PYTHON),python3.11 python3.12 python3)." >&2; \
	echo "Install one (Debian 12: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python" >&2; \
	exit 1
