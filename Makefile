.DEFAULT_GOAL := help
# Tests start the program thousands of times, which takes a fifth longer where Python may not keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo test test-all coverage check format docs site pictures bench fuzz mutants schemas sample lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build the portal of the sample ledger in build/demo/public
	@tools/setup run
	@.venv/bin/python tools/demo.py

test: ## Run all but the slow tests; PYTEST_ARGS="-k name" narrows them down
	@tools/setup test
	TMPDIR=$$(tools/scratch) .venv/bin/python -m pytest -n 3 --dist worksteal -m "not slow" $(PYTEST_ARGS)

test-all: ## Run every test, as CI does
	@tools/setup test
	TMPDIR=$$(tools/scratch) .venv/bin/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

coverage: ## Run the tests and print their coverage; takes a fifth longer
	@tools/setup test
	TMPDIR=$$(tools/scratch) .venv/bin/python -m pytest -n 2 --dist worksteal --cov --cov-report=term --cov-report=html:build/coverage $(PYTEST_ARGS)

check: ## Check style, format, types, layers, words and workflows
	@tools/setup check
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/mypy --config-file tests/mypy.ini
	.venv/bin/lint-imports --no-logo
	.venv/bin/python tools/words.py
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv/bin/zizmor --offline --no-progress --quiet .github

format: ## Fix what ruff can fix, and format
	@tools/setup check
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

docs: ## Regenerate docs/CLI.md, docs/SETTINGS.md and the list of codes in docs/VALIDATION.md
	@tools/setup run
	@.venv/bin/python tools/docs.py

site: ## Build the website of docs/ in build/site; fails on broken links
	@tools/setup site
	.venv/bin/mkdocs build --strict

pictures: ## Retake the pictures in docs/images, with Chromium
	@tools/setup test
	@.venv/bin/python tools/pictures.py

fuzz: ## Try 20,000 faulty files; FUZZ_ARGS="--seed 2 --files 500" chooses which and how many
	@tools/setup run
	@.venv/bin/python tools/fuzz.py $(FUZZ_ARGS)

mutants: ## Change the program in 200 small ways and list those no test notices; MUTANTS_ARGS="--seed 2 --count 40"
	@tools/setup test
	TMPDIR=$$(tools/scratch) .venv/bin/python tools/mutants.py $(MUTANTS_ARGS)

bench: ## Compare speed with DuckDB and Frictionless alone; BENCH_ARGS=--large needs more time and disk
	@tools/setup run
	@.venv/bin/python bench/run.py $(BENCH_ARGS)

schemas: ## Write the schemas of charges and of the YAML files of a ledger
	@tools/setup run
	@.venv/bin/python tools/schemas.py
	@.venv/bin/python tools/yaml_schemas.py

sample: ## Close the months of the sample ledger and of tests/ledgers again
	@tools/setup run
	@.venv/bin/python tools/sample_ledger.py

lock: ## Write the lock files; LOCK_ARGS=--upgrade takes the newest versions
	@tools/lock $(LOCK_ARGS)

clean: ## Remove build output and caches, but keep .venv
	rm -rf build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests tools bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
