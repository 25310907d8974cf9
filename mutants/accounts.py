"""Faults of the sign-in, of response headers, and of the logs."""

from mutants.faults import AUDIT, LOGIN, REFRESH, TOKENS, Fault

FLOODS, ADMIN = "tenants/tests/test_floods.py", "tenants/tests/test_admin.py"
SESSIONS, ACTED = "tenants/tests/test_end_of_sessions.py", "tenants/tests/test_accounts_that_acted.py"
GUESSING = "tenants/tests/test_guessing.py"
GUNICORN = "circe/tests/test_gunicorn.py"
HEADERS, LOGS, SETTINGS = "circe/tests/test_headers.py", "circe/tests/test_logs.py", "circe/tests/test_settings.py"

ACCOUNTS = [
    # --- who is let in ------------------------------------------------------------------------------------------------
    Fault(
        "a suspended business signs in",
        "tenants/models/user.py",
        "return self.is_active and (self.tenant is None or self.tenant.is_active)",
        "return self.is_active",
        f"{LOGIN} {TOKENS}",
    ),
    Fault(
        "any kind of token opens",
        "tenants/accounts/authentication.py",
        'tokens.read(credentials[0], "access")',
        'tokens.read(credentials[0], "refresh" if b"InJlZnJlc2gi" in credentials[0] else "access")',
        TOKENS,
    ),
    Fault(
        "a stolen token's family lives on",
        "tenants/models/session.py",
        "        else:\n            self.ended_at = now\n",
        "        else:\n            pass\n",
        REFRESH,
    ),
    Fault(
        "the end of a family is rolled back with the 401",
        "tenants/models/session.py",
        "                return session\n        raise tokens",
        "                return session\n            raise tokens",
        REFRESH,
    ),
    Fault(
        "parallel refreshes make several families",
        "tenants/models/session.py",
        'cls.live(claims).select_for_update(of=("self",)).select_related("user__tenant").first()',
        'cls.live(claims).select_related("user__tenant").first()',
        REFRESH,
    ),
    Fault(
        "a forged X-Forwarded-For is believed",
        "circe/settings.py",
        'NUM_PROXIES = read_whole_number("NUM_PROXIES", 0, maximum=100)',
        "NUM_PROXIES = None",
        LOGIN,
    ),
    Fault(
        "an unknown account is answered sooner",
        "tenants/accounts/managers.py",
        "            imitate_password_check(password)\n            return None",
        "            return None",
        LOGIN,
    ),
    # --- guessing and floods ----------------------------------------------------------------------------------------
    Fault(
        "a log-in that crashes keeps its slot",
        "tenants/accounts/throttling.py",
        "    try:\n        yield\n    finally:\n        _login_slots.release()",
        "    yield\n    _login_slots.release()",
        FLOODS,
    ),
    Fault(
        "any number of hashes runs at once",
        "tenants/accounts/hashers.py",
        "BoundedSemaphore(2)",
        "BoundedSemaphore(100)",
        FLOODS,
    ),
    Fault(
        "a hash is cheap to guess",
        "tenants/accounts/hashers.py",
        "memory_cost = 19 * 1024",
        "memory_cost = 1024",
        FLOODS,
    ),
    Fault(
        "guesses at one's own password are not counted",
        "tenants/accounts/forms.py",
        "            is_correct = check_password_with_limits(\n"
        "                lambda: self.user if self.user.check_password(password) else None,\n"
        "                account=self.user.email,\n"
        "                address=self.address,\n"
        "            )\n",
        "            is_correct = self.user.check_password(password)\n",
        GUESSING,
    ),
    Fault(
        "guessing ends the owner's sessions",
        "tenants/accounts/throttling.py",
        "        LoginFailure.objects.create(kind=kind, account=account, address=address)\n",
        "        LoginFailure.objects.create(kind=kind, account=account, address=address)\n"
        "        from tenants.scope import ALL_TENANTS, tenant_scope\n\n"
        "        with tenant_scope(ALL_TENANTS):\n"
        "            for user in User.objects.filter(email=account):\n"
        "                user.sessions.all().delete()\n",
        LOGIN,
    ),
    Fault(
        "the password of an inactive account is not even hashed",
        "tenants/accounts/managers.py",
        "return user if user.check_password(password) and user.may_sign_in else None",
        "return user if user.may_sign_in and user.check_password(password) else None",
        LOGIN,
    ),
    Fault(
        "a log-in outruns the new password",
        "tenants/models/session.py",
        "get(pk=user.pk, password=user.password)",
        "get(pk=user.pk)",
        LOGIN,
    ),
    # --- what takes effect on the next request ----------------------------------------------------------------------
    Fault(
        "an inactive account stays in the admin",
        "tenants/accounts/managers.py",
        "return user if user and user.may_sign_in else None",
        "return user",
        ADMIN,
    ),
    Fault(
        "the role is the token's to say",
        "tenants/accounts/authentication.py",
        "        set_audit_user(user.pk)\n        enter_scope(_scope_of(user, request))",
        '        user.role = claims["role"]\n        set_audit_user(user.pk)\n        enter_scope(_scope_of(user, request))',
        TOKENS,
    ),
    Fault(
        "a new password ends nothing",
        "tenants/migrations/0001_businesses_and_accounts.py",
        "IF NEW.password <> OLD.password\n",
        "IF false\n",
        f"{TOKENS} {REFRESH}",
    ),
    Fault(
        "a disabled password leaves the sessions open",
        "tenants/migrations/0001_businesses_and_accounts.py",
        "IF NEW.password <> OLD.password\n",
        "IF NEW.password <> OLD.password AND NEW.password NOT LIKE '!%'\n",
        SESSIONS,
    ),
    Fault(
        "a hash that is renewed ends the sessions",
        "tenants/accounts/managers.py",
        "cursor.execute(\"SELECT set_config('circe.renewed_hash', %s, true)\", [user.password])",
        "cursor",
        SESSIONS,
    ),
    Fault(
        "a hash that is renewed brings back an old password",
        "tenants/accounts/managers.py",
        "self.filter(pk=user.pk, password=old_hash)",
        "self.filter(pk=user.pk)",
        SESSIONS,
    ),
    # --- who has acted ------------------------------------------------------------------------------------------------
    Fault(
        "an account that signed in by the API can be deleted",
        "tenants/models/session.py",
        "            User.objects.filter(pk=user.pk).update(last_login=now)\n",
        "",
        ACTED,
    ),
    Fault(
        "an account that has acted can be deleted by SQL",
        "tenants/migrations/0001_businesses_and_accounts.py",
        "FOR EACH ROW WHEN (old.has_acted) EXECUTE",
        "FOR EACH ROW WHEN (false) EXECUTE",
        ACTED,
    ),
    Fault(
        "an event names whoever its reader may see",
        "tenants/audit/serializers.py",
        'actor = ActorSerializer(source="recorded_actor", allow_null=True)',
        "actor = ActorSerializer(allow_null=True)",
        ACTED,
    ),
    # --- refreshing -------------------------------------------------------------------------------------------------
    Fault(
        "a used token can be used for ever",
        "tenants/models/session.py",
        "if jti == self.previous_jti and now - self.rotated_at <= REFRESH_GRACE:",
        "if jti == self.previous_jti:",
        REFRESH,
    ),
    Fault(
        "a suspended business refreshes",
        "tenants/models/session.py",
        "if session is None or not session.owner.may_sign_in:",
        "if session is None:",
        REFRESH,
    ),
    Fault(
        "an access token refreshes",
        "tenants/models/session.py",
        'claims = tokens.read(raw, "refresh")',
        'claims = tokens.read(raw, "access" if "ImFjY2VzcyI" in raw else "refresh")',
        REFRESH,
    ),
    Fault(
        "tokens are signed with the key of the sessions",
        "circe/settings.py",
        '"SIGNING_KEY": JWT_SIGNING_KEY',
        '"SIGNING_KEY": SECRET_KEY',
        TOKENS,
    ),
    Fault(
        "tokens are of another algorithm", "circe/settings.py", '"ALGORITHM": "HS256"', '"ALGORITHM": "HS512"', TOKENS
    ),
    # --- headers ----------------------------------------------------------------------------------------------------
    Fault(
        "no policy bounds what a page runs",
        "circe/headers.py",
        'response.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else DATA_POLICY)',
        "pass",
        HEADERS,
    ),
    Fault(
        "any site may read the answers",
        "circe/headers.py",
        "        return response\n",
        '        response["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")\n        return response\n',
        HEADERS,
    ),
    Fault(
        "a browser guesses at types",
        "circe/settings.py",
        'SECURE_REFERRER_POLICY = "same-origin"',
        'SECURE_REFERRER_POLICY = "same-origin"\nSECURE_CONTENT_TYPE_NOSNIFF = False',
        HEADERS,
    ),
    Fault(
        "pages can be framed",
        "circe/settings.py",
        'X_FRAME_OPTIONS = "DENY"',
        'X_FRAME_OPTIONS = "SAMEORIGIN"',
        HEADERS,
    ),
    Fault(
        "https is not insisted on",
        "circe/settings.py",
        "SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60",
        "SECURE_HSTS_SECONDS = 0",
        SETTINGS,
    ),
    Fault(
        "any host is ours",
        "circe/settings.py",
        "default=[] if PRODUCTION else",
        'default=["*"] if PRODUCTION else',
        SETTINGS,
    ),
    Fault(
        "the server tells its name",
        "circe/gunicorn.py",
        'if not line.startswith("Server:")',
        "if line",
        "circe/tests/test_raw_requests.py",
    ),
    Fault(
        "a worker that was quick keeps all connections",
        "circe/gunicorn.py",
        "self.nr_conns <= min(others, default=0)",
        "True",
        GUNICORN,
    ),
    Fault(
        "connections wait for a worker that is stuck",
        "circe/gunicorn.py",
        " if now - heartbeat < HEARTBEAT_TIMEOUT_SECONDS)",
        ")",
        GUNICORN,
    ),
    Fault(
        "connections wait for a worker that is going",
        "circe/gunicorn.py",
        "now if enabled else NO_HEARTBEAT",
        "now",
        GUNICORN,
    ),
    # --- bodies -----------------------------------------------------------------------------------------------------
    Fault(
        "a create is told that it is stored where another has the e-mail",
        "customers/models/customer.py",
        "            if not is_stored:",
        "            if False:",
        "customers/tests/test_create.py",
    ),
    # --- logs -------------------------------------------------------------------------------------------------------
    Fault(
        "the path of a request is logged",
        "circe/logs.py",
        "route = route_of(request)",
        "route = request.path",
        f"{HEADERS} {LOGS}",
    ),
    Fault(
        "the query of a crash is logged",
        "circe/logs.py",
        'request = record.__dict__.pop("request", None)',
        "request = None",
        LOGS,
    ),
    Fault(
        "the message of a crash is logged",
        "circe/settings.py",
        '"()": "circe.log_format.RedactedJsonFormatter"',
        '"()": "pythonjsonlogger.json.JsonFormatter"',
        LOGS,
    ),
    Fault(
        "a request id is whatever was sent",
        "tenants/middleware.py",
        "request_id = given if _is_valid_request_id(given) else uuid.uuid4().hex",
        "request_id = given or uuid.uuid4().hex",
        f"{AUDIT} {LOGS}",
    ),
]
