# The two commands most people need: make demo, make test. Everything else: .venv/bin/trading --help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The scanners' dependencies are not the project's, so they have an environment of their own.
SCANNERS := .venv-scan
# The demo and the tests are of this machine alone, whatever the shell is set to.
LOCAL := env -u TF_WORKSPACE -u TRADING_STATE_BUCKET TRADING_TARGET=local

.DEFAULT_GOAL := help
.PHONY: help install demo demo-down test check lint types tests scan scan-tree scan-record faults prove-faults benchmark bench-deploy bench-archive bench-lambda openapi format lock

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/installed ## Make the virtual environment, with `trading` in it

demo: $(VENV)/installed ## Deploy all stacks to the local AWS, and make a trade in every region
	@$(LOCAL) $(BIN)/trading demo

demo-down: $(VENV)/installed ## Destroy what the demo deployed, and stop what it started
	@$(LOCAL) $(BIN)/trading demo-down

# The first minutes of the tests are mostly waiting for AWS: types are checked meanwhile.
test: lint $(SCANNERS)/installed ## Lint, types and all tests, end to end too
	@$(MAKE) --no-print-directory --jobs 2 types tests

check: lint types ## Lint and types alone

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/installed
	$(BIN)/mypy

tests: $(VENV)/installed $(SCANNERS)/installed
	$(LOCAL) $(BIN)/pytest --numprocesses 5 --dist loadfile --no-loadscope-reorder

scan: $(VENV)/installed $(SCANNERS)/installed ## Let other people's tools look for weaknesses (10 minutes)
	@$(LOCAL) $(BIN)/python -m scan

scan-tree: $(VENV)/installed $(SCANNERS)/installed ## The same without deploying anything (2 minutes)
	@$(LOCAL) $(BIN)/python -m scan --no-plans

scan-record: $(VENV)/installed $(SCANNERS)/installed ## The same as scan, and write down how much was looked at
	@$(LOCAL) $(BIN)/python -m scan --record

faults: $(VENV)/installed ## Test the service under FAULTS_COUNT=1000 faults of FAULTS_SEED=(another each time)
	@FAULTS_SEED=$(or $(FAULTS_SEED),$$(date +%s)) FAULTS_COUNT=$(or $(FAULTS_COUNT),1000) \
		$(BIN)/pytest --quiet --timeout 86400 tests/faults/test_faults.py

prove-faults: $(VENV)/installed ## Break the service in every way that the faults must find (15 minutes)
	@$(BIN)/pytest --quiet --timeout 86400 tests/faults/prove.py

benchmark: $(VENV)/installed ## Time a synth with lazy bindings against the stock import
	$(BIN)/python -m benchmarks.synth

bench-deploy: $(VENV)/installed ## Time deploys against the cdktf CLI (20 minutes for each of PAIRS=1)
	@$(LOCAL) $(BIN)/python -m benchmarks.deploy --pairs $(or $(PAIRS),1)

bench-archive: $(VENV)/installed ## Time keep and restore of objects against a copy through this machine
	@$(LOCAL) $(BIN)/python -m benchmarks.archive --pairs $(or $(PAIRS),3)

bench-lambda: $(VENV)/installed ## Time the trade API's function against one written the usual way (5 minutes)
	@$(LOCAL) $(BIN)/python -m benchmarks.lambda_service

openapi: $(VENV)/installed ## Make the API's document and page from the models
	PYTHONPATH=src/lambda $(BIN)/python -m api_reference

format: $(VENV)/installed ## Put the sources into the project's form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## Resolve the requirements anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra development --output-file requirements/development.txt pyproject.toml
	uv pip compile --quiet --no-build --python-version 3.12 --generate-hashes --no-emit-index-url \
		--no-emit-package botocore --no-emit-package s3transfer --no-emit-package urllib3 --no-emit-package python-dateutil --no-emit-package six \
		--output-file requirements/lambda.txt requirements/lambda.in
	for name in local-aws scan; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--output-file requirements/$$name.txt requirements/$$name.in; \
	done

$(VENV)/installed: requirements/development.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	@echo "installing into $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/development.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(SCANNERS)/installed: requirements/scan.txt
	@echo "installing the scanners into $(SCANNERS) (once)"
	@$(PYTHON) -m venv --clear $(SCANNERS)
	@$(SCANNERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/scan.txt
	@touch $@
