# `make run` serves a demo, `make test` checks everything: both from nothing but Python 3.11, both to be repeated at
# will, neither leaving a server behind.

PORT ?= 8000
export PORT

# Absolute, so that the process list tells which checkout a process belongs to.
PYTHON = "$(CURDIR)/.venv/bin/python"
MANAGE = $(PYTHON) manage.py
PIP = $(PYTHON) -m pip --quiet --quiet --disable-pip-version-check --no-input

.PHONY: run test fuzz chaos mutants coverage bench lint lock

# With DATABASE_URL there is no embedded server, and `pg stop` has nothing to do.
run: .venv/run.stamp
	@export DEMO=1; \
	$(MANAGE) pg status >/dev/null || started_here=1; \
	end() { \
		trap '' INT TERM; trap - EXIT; set +e; \
		[ -z "$$server" ] || { kill "$$server" 2>/dev/null; wait "$$server"; }; \
		[ -z "$$started_here" ] || $(MANAGE) pg stop >/dev/null; \
		exit "$$1"; \
	}; \
	trap 'end $$?' EXIT; trap 'end 0' INT TERM; \
	set -e; \
	$(MANAGE) migrate --verbosity 0; \
	$(MANAGE) seed_demo --if-empty; \
	$(MANAGE) collectstatic --no-input --verbosity 0; \
	$(PYTHON) -m gunicorn --config circe/gunicorn.py & server=$$!; \
	wait "$$server"

test: lint
	@export DJANGO_SETTINGS_MODULE=circe.tests.settings; \
	trap '$(MANAGE) pg stop >/dev/null' EXIT; trap 'exit 130' INT TERM; \
	set -e; \
	$(MANAGE) makemigrations --check --dry-run; \
	$(MANAGE) spectacular --validate --fail-on-warn >/dev/null; \
	key=a-key-as-random-as-one-needs-to-be-for-these-checks-0123456789; \
	env -u DEMO -u DEBUG DJANGO_SETTINGS_MODULE=circe.settings SECRET_KEY=$$key JWT_SIGNING_KEY=$$key \
		ALLOWED_HOSTS=circe.example $(MANAGE) check --deploy --fail-level WARNING; \
	$(PYTHON) -m pytest

# The requests of the suite's Schemathesis tests, but some 50,000, and other ones each time.
fuzz: .venv/dev.stamp
	@export DJANGO_SETTINGS_MODULE=circe.tests.settings FUZZ_EXAMPLES=700; \
	trap '$(MANAGE) pg stop >/dev/null' EXIT; trap 'exit 130' INT TERM; \
	$(PYTHON) -m pytest circe/tests/test_schemathesis.py

# The faults of the suite's tests, ten times as often. Some ten minutes; the figures are in the log.
chaos: .venv/dev.stamp
	@export DJANGO_SETTINGS_MODULE=circe.tests.settings CHAOS=10; \
	trap '$(MANAGE) pg stop >/dev/null' EXIT; trap 'exit 130' INT TERM; \
	$(PYTHON) -m pytest circe/tests/test_faults.py appointments/tests/test_booking.py \
		customers/tests/test_races.py -o log_cli=true --log-cli-level=INFO

# Every branch of what guards the boundary and the doors, by .coveragerc.
coverage: .venv/dev.stamp
	@export DJANGO_SETTINGS_MODULE=circe.tests.settings; \
	trap '$(MANAGE) pg stop >/dev/null' EXIT; trap 'exit 130' INT TERM; \
	set -e; \
	$(PYTHON) -m coverage run -m pytest tenants customers/tests/test_idempotency.py circe/tests/test_access.py; \
	$(PYTHON) -m coverage report

# Faults seeded two at a time; each has to turn the suite red. Some twenty minutes.
mutants: .venv/dev.stamp
	@$(PYTHON) -m mutants

# Circe beside the services of bench/yardstick. A quicker look: make bench BENCH="--customers 5000 --seconds 0.5"
bench: .venv-bench/bench.stamp .venv/run.stamp
	@.venv-bench/bin/python -m bench $(BENCH)

lint: .venv/dev.stamp
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --quiet --check .
	@"$(CURDIR)/.venv/bin/lint-imports"
	@$(PYTHON) -m mypy .

# Renew the pinned packages, within what requirements*.txt allow.
lock: .venv/dev.stamp
	@for set in requirements requirements-dev requirements-bench; do \
		UV_CUSTOM_COMPILE_COMMAND="make lock" $(PYTHON) -m uv pip compile --quiet --upgrade --universal \
			--python-version 3.11 --generate-hashes --output-file $$set.lock $$set.txt || exit; \
	done

.venv/run.stamp: requirements.lock
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
