# make repro   set up and regenerate every number of the report
# make quick   the same stages on little data, in quick/
# make verify  reproduce the committed results from nothing, and say what differs
# make test    set up and run the test suite
# make bench   measure the pipeline beside PyTorch, JAX, Keras, scikit-learn and NumPy;
#              ARGS='--digits PATH --masks PATH' measures on your data

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro quick verify test bench

repro: .venv/ready
	dvc repro

quick: .venv/ready
	python -m tools.quick

verify: .venv/ready
	python -m tools.verify

test: .venv/ready
	ruff check .
	ruff format --check .
	mypy
	pytest --cov

# The project's pins are a constraint: the peers come beside them or not at all.
bench: .venv/ready
	python -m pip install --quiet --disable-pip-version-check \
		--constraint requirements.txt --requirement benchmarks/requirements.txt
	python -m benchmarks.run $(ARGS)

.venv/ready: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	touch $@
