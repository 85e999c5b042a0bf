# Every target sets up what it needs, from a fresh clone. Needed beforehand: make and Python 3.11 or later.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
export UV_COMPILE_BYTECODE := 1
export MELTANO_CLI_LOG_LEVEL ?= info

PACKAGES := rules tap-sharepoint-orders tap-wms mappers/mapper-orders target-mssql transform reports
RUN := .venv/bin/
UV := .venv-meltano/bin/uv
PLUGINS := $(wildcard plugins/*/*.meltano.yml) $(addsuffix /pyproject.toml,$(PACKAGES)) constraints/plugins.txt constraints/build.txt

.PHONY: help setup demo test test-all test-mssql lint lint-python lint-sql format bench build record constraints schemas docs clean

help: ## Show the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.done .meltano/.done ## Install Meltano, the plugins and the tools

demo: setup ## Make sample sources, run both jobs and print what came out
	@$(RUN)python examples/demo.py

test: setup ## Run every package's tests and the end-to-end ones
	$(RUN)pytest -n 2 --dist loadfile -m "not e2e and not slow and not mssql"
	$(RUN)pytest tests -n 2 --dist worksteal -m "e2e and not slow"

test-all: setup ## Run the heavy suites too: PostgreSQL, LibreOffice, a browser, Spark, SQL Server where MSSQL_TEST_URL is set
	$(UV) pip install --quiet --python .venv/bin/python -r constraints/test-all.txt
	$(RUN)pytest --hypothesis-profile=many

test-mssql: setup ## Run what needs a SQL Server, named by MSSQL_TEST_URL
	@test -n "$${MSSQL_TEST_URL:-}" || { echo "MSSQL_TEST_URL names no server; compose.mssql.yml starts one and says how" >&2; exit 1; }
	$(RUN)pytest -m mssql

lint: lint-python lint-sql ## Check style, types and SQL

lint-python: .venv/.done
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy rules/order_rules tap-sharepoint-orders/tap_sharepoint_orders tap-wms/tap_wms mappers/mapper-orders/mapper_orders \
	    target-mssql/target_mssql transform/recon reports/order_reports examples/*.py docs/generate.py \
	    bench/truth bench/*.py

lint-sql: .venv/.done
	$(RUN)sqlfluff lint --disable-progress-bar .

format: .venv/.done ## Put the code into its style
	$(RUN)ruff check --fix .
	$(RUN)ruff format .

bench: setup ## Measure the whole pipeline at seed scale, in half an hour; bench/*.py measure its parts
	$(RUN)python bench/pipeline.py --json output/bench/pipeline.json --docs

record: .venv/.done ## Record Graph exchanges from a real tenant, scrubbed: make record CONFIG=config.json
	$(RUN)python tap-sharepoint-orders/record.py --config "$(CONFIG)"

build: .venv/.done ## Build every package's wheel and source archive into dist/
	for package in $(PACKAGES); do $(UV) build --quiet --build-constraints constraints/build.txt --out-dir dist "$$package"; done

docs: .venv/.done ## Write docs/plugins/*.md from what the plugins say of themselves
	$(RUN)python docs/generate.py

schemas: .venv/.done ## Write the JSON schemas of config/*.yml from their models
	$(RUN)python -m order_rules.schemas config

# All of the packages' extras but spark, which takes half a gigabyte: constraints/test-all.in has it.
EXTRAS := azure entra nearest notify oracle postgres sharepoint tables
COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --no-annotate --custom-compile-command "make constraints"

constraints: .venv-meltano/.done ## Compile constraints/*.txt anew, at the newest versions
	$(UV) $(COMPILE) --upgrade constraints/uv.in -o constraints/uv.txt
	$(UV) $(COMPILE) --upgrade constraints/meltano.in -o constraints/meltano.txt
	$(UV) $(COMPILE) --upgrade constraints/build.in -o constraints/build.txt
	$(UV) $(COMPILE) --upgrade $(addprefix --extra ,$(EXTRAS)) --no-emit-package order-rules $(addsuffix /pyproject.toml,$(PACKAGES)) -o constraints/plugins.txt
	$(UV) $(COMPILE) --upgrade constraints/dev.in -o constraints/dev.txt
	$(UV) $(COMPILE) --upgrade constraints/test-all.in -o constraints/test-all.txt

clean: ## Remove environments, output and samples
	rm -rf .venv .venv-meltano .meltano output sample

# The packages are installed in place, so nobody else compiles them where writing bytecode is off.
COMPILEALL := @.venv-meltano/bin/python -m compileall -q $(PACKAGES)

.venv-meltano/.done: constraints/uv.txt constraints/meltano.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Installing Meltano ..."
	$(PYTHON) -m venv --clear .venv-meltano
	@# pip installs uv alone, which installs all else in half the time.
	.venv-meltano/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints/uv.txt
	$(UV) pip install --quiet --python .venv-meltano/bin/python --require-hashes -r constraints/meltano.txt
	@touch $@

.venv/.done: .venv-meltano/.done constraints/plugins.txt constraints/dev.txt constraints/build.txt $(addsuffix /pyproject.toml,$(PACKAGES))
	@echo "Installing the packages and their tools ..."
	$(UV) venv --quiet --clear --python .venv-meltano/bin/python .venv
	$(UV) pip install --quiet --python .venv/bin/python -r constraints/plugins.txt -r constraints/dev.txt
	$(UV) pip install --quiet --python .venv/bin/python --no-deps --build-constraints constraints/build.txt $(addprefix -e ./,$(PACKAGES))
	@touch $@

.meltano/.done: .venv-meltano/.done $(PLUGINS)
	@echo "Installing the Meltano plugins ..."
	bin/meltano install
	$(COMPILEALL)
	@touch $@
