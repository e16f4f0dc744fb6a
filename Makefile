# Two commands are all a fresh machine needs: `make demo` and `make test`. PYTHON chooses the interpreter (3.11 or later).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CODE := service sweeps trainer tests examples benchmarks
STORED := tests/contracts tests/end_to_end tests/programs tests/service
# An error says enough; what pip does when all goes well is nobody's interest.
PIP_INSTALL := -m pip install --quiet --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo up check test test-programs test-postgres test-ray test-faults test-compose bench bench-quick clean

help:
	@echo "make demo    install, run a real sweep to the end, print the answer"
	@echo "make up      serve the API, the MLflow UI and the workers until Ctrl-C"
	@echo "make test    check and test"
	@echo "make test-programs  each of our programs as a process: how it starts, refuses, waits and leaves"
	@echo "make test-postgres  the tests of all that is stored, on PostgreSQL"
	@echo "make test-ray       a sweep on two Ray nodes, one of which is killed"
	@echo "make test-compose   the stack of docker-compose.yml, its containers killed"
	@echo "make test-faults    kill what runs, and count what is left"
	@echo "make check   ruff and mypy only"
	@echo "make bench   measure Ravine beside its peers"
	@echo "make clean   remove the environments and caches (.ravine, with your sweeps, stays)"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Ravine needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=/path/to/python3 ...")'
	@echo "Installing into $(VENV) (once, some minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(INSTALLED)
	@$(BIN)/python examples/digits_demo.py

up: $(INSTALLED)
	@$(BIN)/ravine up

check: $(INSTALLED)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

test: check
	$(BIN)/pytest

# Apart from the others, for a start takes seconds.
test-programs: $(INSTALLED)
	$(BIN)/pytest tests/programs

# The suites whose subject is what is stored, once more on a real PostgreSQL.
test-postgres: $(INSTALLED)
	$(BIN)/pytest --database postgresql $(STORED)

test-ray: $(INSTALLED)
	$(BIN)/pytest tests/ray -o faulthandler_timeout=900

# On the Docker engine there is, or on the one that the command in RAVINE_TEST_ENGINE_UP brings up.
test-compose: $(INSTALLED)
	$(BIN)/pytest tests/compose -o faulthandler_timeout=1800

# A test here takes minutes: the stacks of all threads are of interest later than elsewhere.
test-faults: $(INSTALLED)
	$(BIN)/pytest tests/faults -o faulthandler_timeout=900

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks --peers-python $(BIN)/python

# The same code with fewer repeats and without Ray: that it runs, not what it shows.
bench-quick: $(INSTALLED)
	$(BIN)/python -m benchmarks --quick --only service_cost first_report throughput many_slots

clean:
	rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
