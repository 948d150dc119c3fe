# Everything that a checkout can do; plain `make` lists it. Python 3.11+ and make are all it needs.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
SOURCES := newsletter tests tools benchmarks
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo check lint test chaos fuzz bench bench-audience bench-compile bench-delivery bench-render bench-web gallery gallery-diff golden broken components lock clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(STAMP)  ## make .venv with the program and its tools

# The stamp is written last, so that a set-up cut off in the middle is begun anew.
$(STAMP): requirements.lock pyproject.toml
	@python=; for p in $${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do \
	  if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$p; break; fi; done; \
	if [ -z "$$python" ]; then echo "newsletter needs Python 3.11 or newer (make PYTHON=/path/to/python3.11 ... to name one)." >&2; exit 1; fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "$$python has no venv module: install it (Debian: apt-get install python3-venv)." >&2; exit 1; fi; \
	echo "setting up $(VENV) with $$("$$python" --version) ..."; \
	{ $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' && $(BIN)/python -m pip --version; } >/dev/null 2>&1 || "$$python" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --no-input --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-input --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)  ## the main job on a fresh copy of the shipped project, in out/demo/
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tools/demo.sh

check: $(STAMP)  ## format, lint, types and layers, without the tests
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo "try: make lint" >&2; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy --no-error-summary
	@mkdir -p out
	@$(BIN)/lint-imports --no-logo >out/layers.log 2>&1 || { cat out/layers.log >&2; exit 1; }
	@echo "format, lint, types, layers: ok"

lint: $(STAMP)  ## mend format and lint where a tool can
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

# Bytecode is written even where it is not usual: the tests start Python a few hundred times.
# Four at once also on two cores, for many tests wait: for a browser, a relay, a moment.
test: check  ## format, lint, types, layers and all tests
	@PYTHONDONTWRITEBYTECODE= PYTHONWARNDEFAULTENCODING=1 $(BIN)/python -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder

chaos: export PYTHONWARNDEFAULTENCODING = 1
chaos: $(STAMP)  ## 200 kills a provider and every crash point (the tests have a short form); CHAOS_SEED=N repeats one
	@CHAOS=long $(BIN)/python -m pytest -q -n 0 tests/chaos

fuzz: export PYTHONWARNDEFAULTENCODING = 1
fuzz: $(STAMP)  ## 100,000 generated segments in memory and in SQL, 1,000 lives of a ledger (the tests have 2,000 and 20)
	@SEGMENT_CASES=100000 $(BIN)/python -m pytest -q -n 2 tests/audience/test_audience_evaluators.py -k same_people
	@LEDGER_CASES=1000 $(BIN)/python -m pytest -q -n 0 tests/store/test_store_machine.py

bench: $(STAMP)  ## measure, with machine and versions
	@$(BIN)/python benchmarks/start_up.py

bench-audience: $(STAMP)  ## measure a million people: import, segments beside hand-written SQL, the freezer, why
	@$(BIN)/python benchmarks/audience.py

bench-delivery: $(STAMP)  ## measure sending: SMTP, the API's transport and bytes, ledger, freeze, a whole send, pause
	@$(BIN)/python benchmarks/delivery.py

bench-render: $(STAMP)  ## measure filling slots beside rendering whole letters, and a rehearsal of 100,000
	@$(BIN)/python benchmarks/render.py

bench-web: $(STAMP)  ## measure POSTs to the unsubscribe page over loopback, also while the ledger is held
	@$(BIN)/python benchmarks/web.py

bench-compile: $(STAMP)  ## measure compiling and inlining beside npm mjml with juice (needs Node for these)
	@$(BIN)/python benchmarks/compile.py

gallery: $(STAMP)  ## a page of all letters and blocks as Chromium shows them, in out/gallery; keeps thumbnails
	@$(BIN)/python tools/gallery.py --keep

gallery-diff: $(STAMP)  ## the same page, and which views changed since the thumbnails were kept; keeps nothing
	@$(BIN)/python tools/gallery.py

golden: $(STAMP)  ## renew the golden files of tests/golden from npm mjml (needs Node); read the diff
	@$(BIN)/python tests/golden/renew.py

broken: $(STAMP)  ## renew what tests/broken expects to be told; read the diff
	@RENEW_BROKEN=1 $(BIN)/python -m pytest -q tests/test_broken.py

components: $(STAMP)  ## renew the table of MJML's components from npm mjml (needs Node)
	@cd tools/judge && npm ci --no-audit --no-fund --silent
	@node tools/components.mjs >newsletter/render/mjml/components.json

lock: $(STAMP)  ## renew requirements.lock (hashes, no index lines)
	@$(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --allow-unsafe --extra dev --extra web \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --no-annotate \
	  -o requirements.lock pyproject.toml

clean:  ## remove what can be made again
	@rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
