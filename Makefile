# `make benchmark`, `make artifact` and `make test` set up all they need in a virtual environment of their own.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.PHONY: artifact benchmark microbenchmark test lint format simd clean

artifact: $(READY)
	$(BIN)/python jobs/artifact.py

benchmark: $(READY)
	$(BIN)/python jobs/benchmark.py

microbenchmark: $(READY)
	$(BIN)/python jobs/microbenchmark.py

test: $(READY)
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Instead of Pillow; no extra of the package, as pip would leave both, one over the other.
simd: $(READY)
	$(BIN)/python -m pip uninstall --quiet --yes pillow pillow-simd
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt pillow-simd

clean:
	rm -rf $(VENV) build *.egg-info

$(READY): pyproject.toml constraints.txt CMakeLists.txt $(wildcard ns_ray/native/*/* ns_ray/native/codecs/*/*)
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt cmake nanobind ninja scikit-build-core ziglang
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]'
	touch $(READY)
