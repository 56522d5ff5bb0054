# Every target sets up what it needs: a .venv with the pinned, hash-checked requirements.
# `make PYTHON=python3.13 test` picks an interpreter; ARGS="..." goes to pytest.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

SHELL_SCRIPTS := deploy/docker/run.sh .ci/run .ci/with-postgres .ci/with-docker .ci/with-kubectl $(wildcard .ci/images/*/*.sh) entrypoint
DOCKERFILES := Dockerfile $(wildcard .ci/images/*/Dockerfile deploy/docker/Dockerfile.*)
IMAGE ?= migrator
# A worker for each core. They begin with equal halves of the suite in its order, so that what a
# module's tests share is mostly made once, and take from each other at the end.
PARALLEL = --numprocesses=auto --dist=worksteal
COMPILE = .venv/bin/uv pip compile --no-config --quiet --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command 'make pins' $(if $(UPGRADE),--upgrade)

.PHONY: bench bench-backup bench-stall bench-verdicts help demo test test-oldest test-container image lint format check pins clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv-demo/installed ## watch runs and a plan on an embedded Postgres: half a minute
	PYTHONPATH='$(CURDIR)' .venv-demo/bin/python -m migrator demo

test: .venv/ready ## all but the slow tests, on TEST_DATABASE_URL if set, else on an embedded Postgres 18
	@$(if $(ARGS),:,echo) 'All tests but those marked slow, on every core: about 8 minutes on two. make check runs the others too.'
	.venv/bin/pytest $(PARALLEL) -m 'not slow' $(ARGS)

test-oldest: .venv-oldest/ready ## the same, with the oldest Alembic and SQLAlchemy we support
	.venv-oldest/bin/pytest $(PARALLEL) -m 'not slow' $(ARGS)

test-container: .venv/ready ## the image, in real containers; fails where no Docker engine answers
	TEST_REQUIRE_DOCKER=1 .venv/bin/pytest tests/container $(ARGS)

image: ## build the image; IMAGE names it, ARGS="--target tool --build-arg ..." goes to docker build
	docker build --tag $(IMAGE) --build-arg REVISION="$$(git rev-parse HEAD)" \
		--build-arg VERSION="$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' migrator/version.py)" $(ARGS) .

bench: .venv/ready ## what a release costs, ours and Alembic's; writes docs/reference/benchmarks.md; ARGS=memory prints that part
	.venv/bin/python -m benchmarks.release $(ARGS)

bench-stall: .venv/ready ## how long a release holds up the app: Alembic's and ours, in one run
	.venv/bin/python -m benchmarks.stall

bench-backup: .venv/ready ## what a backup costs, ours and the usual two steps; ARGS=200 for 200 MB instead of 1,000
	.venv/bin/python -m benchmarks.backup $(ARGS)

bench-verdicts: .venv/ready ## how many of the small revisions get the verdict they must: a plan, and squawk alone
	.venv/bin/python -m benchmarks.verdicts

lint: .venv/ready ## ruff, mypy, hadolint, and shellcheck where there is one
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/hadolint $(DOCKERFILES)
	@command -v shellcheck >/dev/null || echo 'no shellcheck here: the shell scripts are not linted'
	! command -v shellcheck >/dev/null || shellcheck $(SHELL_SCRIPTS)

format: .venv/ready ## put the code into shape
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

check: ## all of CI, the slow tests too: 45 minutes on two cores
	.ci/run

pins: .venv/ready ## compile requirements/*.txt anew; UPGRADE=1 takes the newest versions
	$(COMPILE) pyproject.toml --extra cloud --extra encrypt --output-file requirements/runtime.txt
	$(COMPILE) --group build --output-file requirements/build.txt
	$(COMPILE) pyproject.toml --extra embedded --output-file requirements/demo.txt
	$(COMPILE) pyproject.toml --extra cloud --extra encrypt --extra embedded --extra lint --extra watch --group dev --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --extra cloud --extra encrypt --extra embedded --extra lint --extra watch --group build --group test \
		--constraints requirements/oldest.in --output-file requirements/oldest.txt

clean: ## remove what the targets made
	rm -rf .venv .venv-demo .venv-oldest .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# .venv from requirements/dev.txt, .venv-oldest from requirements/oldest.txt, and migrator in each;
# .venv-demo has only what the demo needs, which runs from here.
.venv/installed: requirements/dev.txt
.venv-demo/installed: requirements/demo.txt
.venv-oldest/installed: requirements/oldest.txt

%/installed:
	@test -n "$(PYTHON)" || { echo 'make: no Python 3.11 or later found; name one with PYTHON=' >&2; exit 1; }
	@echo 'Installing $< into $*.'
	$(PYTHON) -m venv --clear $*
	$*/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

%/ready: %/installed pyproject.toml
	$*/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
