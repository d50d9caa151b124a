# make repro   set up and regenerate every number of the report, stages side by side
# make quick   the same stages on little data, in quick/
# make verify  reproduce the committed results from nothing, and say what differs
# make test    set up and run the checks and tests that one runs before a commit
# make witness the tests that take longer: emulated processors, kills, the page in a browser
# make bench   measure the pipeline beside PyTorch, JAX, Keras, scikit-learn and NumPy;
#              ARGS='--digits PATH --masks PATH' measures on your data

PYTHON ?= python3
PYTEST ?= pytest
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv

.PHONY: repro quick verify test witness bench

repro: .venv/ready
	python -m tools.lanes

quick: .venv/ready
	python -m tools.quick

verify: .venv/ready
	python -m tools.verify

test: .venv/dev
	ruff check .
	ruff format --check .
	mypy
	$(PYTEST) -m "not witness"

witness: .venv/dev
	$(PYTEST) -m witness

# Peers are installed beside the project's pinned packages, whose versions they must not change.
bench: .venv/dev
	uv pip install --quiet --constraint requirements-dev.txt --requirement benchmarks/requirements.txt
	python -m benchmarks.run $(ARGS)

# Every package is pinned with its checksum. pip installs uv, which takes a fraction of pip's time for the rest;
# `pip install --requirement requirements.txt` does the same.
.venv/ready: requirements.txt requirements-uv.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-uv.txt
	uv pip install --quiet --compile-bytecode --require-hashes --requirement requirements.txt
	touch $@

# What tests and checks need in addition.
.venv/dev: .venv/ready requirements-dev.txt
	uv pip install --quiet --compile-bytecode --require-hashes --requirement requirements-dev.txt
	touch $@
