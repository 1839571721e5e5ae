# Two commands matter: `make up` and `make test`. `make help` lists the rest.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PORT ?= 8000
DATA ?= var
export PORT DATA HISTORY_DAYS

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for each in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$each >/dev/null 2>&1 && $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
APPS := accounts billing clouds config provisioning sandbox
TEMPLATES := $(shell find templates terraform_modules -name '*.html' -o -name 'offering.toml' 2>/dev/null)

# --- run ------------------------------------------------------------------------------------------------------------

.PHONY: up
up: $(VENV)/.local static/vendor/.made ## Start everything on this machine: PORT=8000 DATA=var HISTORY_DAYS=90
	@exec $(BIN)/python -m sandbox.up

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk 'BEGIN {FS = ":.*## "} {printf "  make %-12s %s\n", $$1, $$2}'

# --- check ----------------------------------------------------------------------------------------------------------

TWO_AT_ONCE := -n 2 --dist loadfile --no-loadscope-reorder  # the slow files are put first: tests/plugin.py

.PHONY: test
test: $(VENV)/.dev static/vendor/.made ## All tests, browser included (ARGS="-k name" for some)
	$(BIN)/pytest tests --ignore tests/e2e $(TWO_AT_ONCE) $(ARGS)
	$(BIN)/python -m scripts.ensure_browser
	DJANGO_ALLOW_ASYNC_UNSAFE=true $(BIN)/pytest tests/e2e $(TWO_AT_ONCE) $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev $(VENV)/.checkov ## Style, types, templates, imports, migrations, API schema, Terraform
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	DEBUG=1 $(BIN)/mypy $(APPS)
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/lint-imports
	DEBUG=1 $(BIN)/python -m scripts.check_migrations
	DEBUG=1 $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	$(BIN)/python -m scripts.format_modules --check
	$(VENV)/checkov/bin/checkov --config-file .checkov.yaml

.PHONY: format
format: $(VENV)/.dev ## Put Python and Terraform into shape
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/python -m scripts.format_modules

.PHONY: bench
bench: $(VENV)/.dev static/vendor/.made ## Ratios: engine against the raw CLI, orders per second, long lists
	$(BIN)/python -m bench

.PHONY: shots
shots: $(VENV)/.dev static/vendor/.made ## Pictures of every page, light and dark, wide and narrow, in shots/
	$(BIN)/python -m scripts.ensure_browser
	$(BIN)/python -m scripts.shots

# --- install --------------------------------------------------------------------------------------------------------

.PHONY: install
install: $(VENV)/.dev static/vendor/.made ## Install everything, start nothing

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed: install it, or name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) cannot make virtual environments: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.tools: requirements/tools.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r $< || echo "uv is not to be had here: pip does its work"
	@touch $@

# pip_install: uv where there is one, else pip; both refuse what is not locked by its hash
define pip_install
	if test -x $(BIN)/uv; then $(BIN)/uv pip install --python $(BIN)/python --require-hashes $(1); \
	else $(BIN)/python -m pip install --disable-pip-version-check --require-hashes $(1); fi \
	|| { echo "make: the packages could not be installed: is a package index within reach?" >&2; exit 1; }
endef

$(VENV)/.local: requirements/base.txt requirements/local.txt $(VENV)/.tools
	@$(call pip_install,-r requirements/base.txt -r requirements/local.txt)
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.local
	@$(call pip_install,-r requirements/base.txt -r requirements/local.txt -r requirements/dev.txt)
	@touch $@

# A venv of its own: it pins an older boto3 than ours.
$(VENV)/.checkov: requirements/checkov.txt $(VENV)/.tools
	$(BIN)/python -m venv $(VENV)/checkov
	@if test -x $(BIN)/uv; then $(BIN)/uv pip install --python $(VENV)/checkov/bin/python --quiet --require-hashes -r $<; \
	else $(VENV)/checkov/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r $<; fi
	@touch $@

node_modules/.installed: package.json package-lock.json | $(VENV)/.tools
	@if ! command -v npm >/dev/null 2>&1; then $(call pip_install,-r requirements/node.txt); fi
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

static/vendor/.made: node_modules/.installed scripts/vendor_assets.py $(TEMPLATES) | $(VENV)/.local
	$(BIN)/python -m scripts.vendor_assets
	@touch $@

.PHONY: lock
lock: $(VENV)/.tools ## Lock requirements/*.in again (needs a package index)
	for name in base local dev node tools checkov; do \
		$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet \
			--custom-compile-command "make lock" requirements/$$name.in -o requirements/$$name.txt || exit 1; done

.PHONY: clean
clean: ## Remove what was installed or built; DATA stays
	rm -rf $(VENV) node_modules static/vendor staticfiles build shots .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
