# make demo | make test | make test-fast | make check | make chaos | make bench
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin

.PHONY: install demo test test-fast check chaos bench lock model picture

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' || \
	  { echo "poolwatch needs Python 3.11 or 3.12; $(PYTHON) is another: make PYTHON=python3.11" >&2; exit 1; }
	@echo "installing poolwatch and its packages into $(VENV): about a minute, this once"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m models.warm
	@touch $@

demo: install
	@$(BIN)/poolwatch demo

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-fast: install
	$(BIN)/pytest -q -x -m "not slow and not kafka and not chaos and not prometheus and not browser"

test: check
	$(BIN)/pytest -q

chaos: install ## workers, Kafka and Redis killed and stopped while events flow
	CHAOS=long $(BIN)/pytest -q -m chaos

# Ratios and targets first, costs after. One that misses its target does not keep the others from being run.
BENCHES = throughput latency memory worker_memory replay_speed fold_cost detect_cost forest_cost simulate_speed

bench: install ## each measurement beside its rivals or its target; docs/benchmarks.md has the last figures
	@missed=; for bench in $(BENCHES); do echo "== benchmarks/$$bench.py"; \
	  $(BIN)/python -m benchmarks.$$bench || missed="$$missed $$bench"; done; \
	  test -z "$$missed" || { echo "missed:$$missed"; exit 1; }

lock: install ## pins every package with hashes
	$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --allow-unsafe --strip-extras --all-build-deps --extra dev --output-file requirements.lock pyproject.toml

picture: install ## docs/demo.svg: the terminal of a real demo; needs tmux
	$(BIN)/python docs/picture.py docs/demo.svg $(BIN)/poolwatch demo --seconds 75

model: install ## the model that ships: five days of the mixed marketplace, poolers and all; tuning seed 41
	mkdir -p build
	$(BIN)/poolwatch simulate --scenario mixed --seed 41 --hours 120 --sellers 1500 --developers 250 --out build/history.parquet
	$(BIN)/poolwatch train build/history.parquet --model models/default.model --seed 1
