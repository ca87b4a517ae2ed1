# Needs Python 3.11 or newer and make; the rest goes into .venv, checked against requirements/.

PYTHON ?= python3
BIN := .venv/bin
# The same examples on every run; HYPOTHESIS_PROFILE=local draws new ones.
export HYPOTHESIS_PROFILE ?= ci
# The tests end when make, which has this number, is killed.
export END_WITH_PROCESS := $(shell echo $$PPID)
# The tests start many processes, and Python compiles whatever it finds no bytecode of.
unexport PYTHONDONTWRITEBYTECODE
CODE := domain application adapters entrypoints payments_kit tests docs/examples
LOCK := $(BIN)/uv pip compile --quiet --no-config --upgrade --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock" pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help install test test-deep mutants bytecode chaos lint format types boundaries docs demo screenshots bench bench-quick lock audit sbom clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-12s%s\n", $$1, $$2}'

install: ## Install everything into .venv; again only if the requirements changed
	@$(PYTHON) requirements/install.py

# Four processes even on two cores, because the tests often wait for real servers.
test: ## Check style, types and import rules, then run every test
	@$(MAKE) --no-print-directory --jobs=2 lint types boundaries bytecode
	@$(BIN)/python -m pytest -n 4 --dist worksteal

# Once for all processes of the tests, while mypy uses another core.
bytecode: install
	@$(BIN)/python -m compileall -q $(CODE)
	@$(BIN)/python -m pytest --collect-only -qq > /dev/null 2>&1 || true # the tests say it

test-deep: export HYPOTHESIS_PROFILE = deep
test-deep: install ## Run every test with all repetitions, and those that take minutes: each night
	@$(BIN)/python -m pytest -n 4 --dist worksteal -m "not chaos"

mutants: install ## See whether tests find every small change of domain/ and application/; ARGS="domain/order.py"
	@$(BIN)/python -m tests.mutation $(ARGS)

chaos: install ## Pay many orders while everything is killed at random, with one NATS server and with three
	@$(BIN)/python -m pytest -m chaos tests/system

lint: install ## Check style
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Not formatted; run 'make format'." >&2; exit 1; }

format: install ## Fix style
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

types: install ## Check types
	@$(BIN)/mypy --no-error-summary $(CODE)

boundaries: install ## Check the import rules
	@report=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$report" >&2; exit 1; }

docs: install ## Build the documents as a site in build/docs
	@$(BIN)/python -m sphinx -c docs -b html -W --keep-going -q . build/docs
	@echo "build/docs/docs/index.html"

demo: install ## Run everything on this machine, with a page where you can pay
	@$(BIN)/payments demo

screenshots: install ## Take the README's pictures again; needs Chromium
	@$(BIN)/python -m tests.demo.screenshots $(ARGS)

bench: install ## Measure the speed beside the least that the work costs; ARGS="tables --rows N"
	@$(BIN)/python -m tests.bench $(ARGS)

bench-quick: install ## The most important of these in a minute, with a wider spread
	@$(BIN)/python -m tests.bench --quick

lock: install ## Update the locked versions and their hashes
	@$(LOCK) --group dev -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --no-config --universal --generate-hashes --python-version 3.11 \
		--custom-compile-command "make lock" --group build -c requirements/dev.txt -o requirements/build.txt
	@$(LOCK) --extra otel --excludes requirements/demo-servers.txt -c requirements/dev.txt -o requirements/production.txt

audit: install ## Ask for known vulnerabilities of what production installs; needs a network
	@.ci/audit $(ARGS)

# The same text for the same requirements, so that two can be compared.
sbom: install ## Write the bill of materials of what production installs to build/sbom.json (CycloneDX)
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-format JSON --output-file build/sbom.json $(ARGS) requirements/production.txt

clean: ## Delete what make created
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
