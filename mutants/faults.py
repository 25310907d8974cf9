"""The faults: what is put in the place of what, in which file, and the tests of which at least one has to fail."""

from typing import NamedTuple


class Fault(NamedTuple):
    """`old`, which the file has once, becomes `new`. `tests` are those that are run: files, from the root."""

    name: str
    file: str
    old: str
    new: str
    tests: str


SCOPE, ACCESS = "tenants/tests/test_scope.py", "circe/tests/test_access.py"
AUDIT, LOGIN, REFRESH = "tenants/tests/test_audit.py", "tenants/tests/test_login.py", "tenants/tests/test_refresh.py"
TOKENS, UPDATE, CREATE = (
    "tenants/tests/test_tokens.py",
    "customers/tests/test_update.py",
    "customers/tests/test_create.py",
)
RACES, DELETE, LIST = "customers/tests/test_races.py", "customers/tests/test_delete.py", "customers/tests/test_list.py"
PREFERENCES, ONCE = "customers/tests/test_preferences.py", "customers/tests/test_idempotency.py"
CONDITIONAL, BOOKING = "customers/tests/test_conditional.py", "appointments/tests/test_booking.py"
ADMIN, STALE = "circe/tests/test_admin.py", "circe/tests/test_stale_forms.py"
SUMMARY = "analytics/tests/test_summary.py analytics/tests/test_recount.py"

FAULTS = [
    # --- the tenant boundary ----------------------------------------------------------------------------------------
    Fault(
        "the manager's filter lets every row through",
        "tenants/scope.py",
        "if isinstance(scope, EveryTenant):\n            raise FullResultSet",
        "if True:\n            raise FullResultSet",
        ACCESS,
    ),
    Fault(
        "no scope is every tenant",
        "tenants/scope.py",
        'raise NoTenantScope("No tenant scope is open: write `with tenant_scope(tenant):`.")',
        "return EVERY_TENANT",
        SCOPE,
    ),
    Fault(
        "the manager does not filter",
        "tenants/scope.py",
        'super().get_queryset().filter(InScope("tenant_id"))',
        "super().get_queryset()",
        ACCESS,
    ),
    Fault(
        "a row is saved into another tenant",
        "tenants/models.py",
        "if tenant is not None and self.tenant_id != tenant.pk:",
        "if False:",
        SCOPE,
    ),
    Fault(
        "a form takes another tenant's row",
        "tenants/constraints.py",
        "if related is not None and related.tenant_id != instance.tenant_id:",
        "if False:",
        "tenants/tests/test_constraints.py",
    ),
    Fault(
        "the scope outlives the request",
        "tenants/middleware.py",
        "with tenant_scope(None), timezone.override(None):\n            return self.get_response(request)",
        "return self.get_response(request)",
        SCOPE,
    ),
    Fault(
        "a query parameter replaces the tenant",
        "tenants/authentication.py",
        'if named not in (None, user.tenant_id):\n            raise PermissionDenied("You can see your own business only: '
        'leave tenant_id out.")\n        return user.tenant',
        "return named_tenant(named) if named else user.tenant",
        f"{ACCESS} {LIST} {SCOPE}",
    ),
    Fault(
        "a super_admin's narrowing is ignored",
        "tenants/authentication.py",
        "return EVERY_TENANT if named is None else named_tenant(named)",
        "return EVERY_TENANT",
        f"{LIST} {SUMMARY}",
    ),
    Fault(
        "a body creates in the first tenant that there is",
        "tenants/views.py",
        "with tenant_scope(tenant or named_tenant(named)):",
        "from tenants.models import Tenant\n    with tenant_scope(tenant or Tenant.objects.order_by('pk').first()):",
        CREATE,
    ),
    Fault(
        "a body creates in another tenant",
        "tenants/views.py",
        "if tenant is not None and named not in (None, tenant.pk):",
        "if False:",
        CREATE,
    ),
    Fault(
        "an id in a body is resolved without the scope",
        "tenants/serializers.py",
        "if not is_id(data) or not self.queryset.filter(pk=data).exists():",
        "if not is_id(data) or not self.queryset.model._base_manager.filter(pk=data).exists():",
        f"{PREFERENCES} {UPDATE} {CREATE}",
    ),
    Fault(
        "a list of ids in a body is resolved without the scope",
        "tenants/serializers.py",
        'set(self.queryset.filter(pk__in=ids).values_list("pk", flat=True))',
        'set(self.queryset.model._base_manager.filter(pk__in=ids).values_list("pk", flat=True))',
        PREFERENCES,
    ),
    Fault(
        "the primary key can be written",
        "customers/serializers.py",
        '        read_only_fields = [\n            "created_at",\n            "email_verified",\n            "id",\n',
        '        extra_kwargs = {"id": {"read_only": False, "required": False}}\n'
        '        read_only_fields = [\n            "created_at",\n            "email_verified",\n',
        UPDATE,
    ),
    Fault(
        "a customer moves to the tenant that a body names",
        "customers/serializers.py",
        "        raise serializers.SkipField\n",
        "        return value\n",
        f"{UPDATE} {CREATE}",
    ),
    Fault(
        "the statistics name every tenant's thresholds",
        "analytics/statistics.py",
        'Tenant.objects.filter(InScope("id")).order_by("id")',
        'Tenant.objects.order_by("id")',
        SUMMARY,
    ),
    Fault(
        "totals count another tenant's rows",
        "analytics/statistics.py",
        "return Customer.objects.aggregate(",
        "return Customer._base_manager.aggregate(",
        SUMMARY,
    ),
    Fault(
        "a duplicate of another tenant is named",
        "customers/models.py",
        "for other in Customer.objects.filter(tenant_id=self.tenant_id, **{column: value})",
        "for other in Customer._base_manager.filter(**{column: value})",
        CREATE,
    ),
    Fault(
        "an error tells that a row exists",
        "circe/errors.py",
        "case Http404() | exceptions.NotFound():\n            return NOT_FOUND",
        'case Http404() | exceptions.NotFound():\n            return NOT_FOUND._replace(detail=str(exc) or "Gone.")',
        ACCESS,
    ),
    Fault(
        "the history is everybody's",
        "customers/views.py",
        "AuditEvent.objects.filter(customer_id=self.get_object().pk)",
        "AuditEvent.objects.filter(tenant_id=self.get_object().tenant_id)",
        AUDIT,
    ),
    Fault(
        "an admin's filter asks any condition",
        "tenants/admin.py",
        'return name in offered and comparison in {"", "exact", "id__exact", "gte", "lt", "isnull"}',
        "return True",
        f"{ADMIN} tenants/tests/test_admin.py",
    ),
    Fault(
        "anybody chooses from any table of the admin",
        "tenants/admin_site.py",
        'return self.model_admin.allows(request, "choose")',
        "return True",
        ADMIN,
    ),
    # --- roles ------------------------------------------------------------------------------------------------------
    Fault(
        "what no role was given is open",
        "tenants/permissions.py",
        'return getattr(request.user, "role", None) in view.roles.get(view.action, ())',
        'return view.action not in view.roles or getattr(request.user, "role", None) in view.roles[view.action]',
        "tenants/tests circe/tests/test_architecture.py circe/tests/test_access.py",
    ),
    Fault("staff change customers", "customers/views.py", '"update": MANAGERS,', '"update": STAFF,', ACCESS),
    Fault("managers delete", "customers/views.py", '"destroy": ADMINS,', '"destroy": MANAGERS,', ACCESS),
    Fault("staff read the trail", "customers/views.py", '"history": ADMINS,', '"history": STAFF,', ACCESS),
    Fault(
        "an administrator deletes for good",
        "customers/views.py",
        "            self.check_permissions(request)\n",
        "",
        ACCESS,
    ),
    Fault(
        "a customer's own token is a member of staff's",
        "tenants/authentication.py",
        'if str(claims.get("role")).lower() == PortalCustomer.role:',
        "if False:",
        f"{ACCESS} {TOKENS}",
    ),
    # --- doors ------------------------------------------------------------------------------------------------------
    Fault(
        "a suspended business signs in",
        "tenants/models.py",
        "return self.is_active and (self.tenant is None or self.tenant.is_active)",
        "return self.is_active",
        f"{LOGIN} {TOKENS}",
    ),
    Fault(
        "an ended session's tokens stay good",
        "tenants/authentication.py",
        'good = Q(Exists(LoginSession.objects.live().filter(pk=session_id, user=OuterRef("pk"))))',
        "good = Q()",
        f"{TOKENS} tenants/tests/test_logout.py",
    ),
    Fault(
        "a token outlives its password",
        "tenants/authentication.py",
        "good = Q(tokens_valid_from__lte=dt.datetime.fromtimestamp(issued_at, dt.UTC))",
        "good = Q()",
        TOKENS,
    ),
    Fault(
        "any kind of token opens",
        "tenants/authentication.py",
        'tokens.read(credentials[0], "access")',
        'tokens.read(credentials[0], "refresh" if b"InJlZnJlc2gi" in credentials[0] else "access")',
        TOKENS,
    ),
    Fault(
        "a stolen token's family lives on",
        "tenants/models.py",
        "        else:\n            self.ended_at = now\n",
        "        else:\n            pass\n",
        REFRESH,
    ),
    Fault(
        "the end of a family is rolled back with the 401",
        "tenants/models.py",
        "                return session\n        raise tokens",
        "                return session\n            raise tokens",
        REFRESH,
    ),
    Fault(
        "parallel refreshes make several families",
        "tenants/models.py",
        'cls._of(claims).select_for_update(of=("self",)).select_related("user__tenant").first()',
        'cls._of(claims).select_related("user__tenant").first()',
        REFRESH,
    ),
    Fault(
        "a forged X-Forwarded-For is believed",
        "circe/settings.py",
        'NUM_PROXIES = env.int("NUM_PROXIES", 0)',
        "NUM_PROXIES = None",
        LOGIN,
    ),
    Fault(
        "parallel guesses are not counted one by one",
        "tenants/throttling.py",
        'cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [lock, key])',
        "cursor",
        LOGIN,
    ),
    Fault(
        "an unknown account is answered sooner",
        "tenants/models.py",
        "            User().set_password(password)\n            return None",
        "            return None",
        LOGIN,
    ),
    # --- writes -----------------------------------------------------------------------------------------------------
    Fault(
        "a duplicate in a race is a crash",
        "customers/models.py",
        'return error.__cause__.diag.constraint_name in {"customer_email", "customer_phone"}',
        "return False",
        RACES,
    ),
    Fault(
        "an update writes back what it read",
        "customers/models.py",
        'self.save(update_fields=None if self._state.adding else {*fields, *(["updated_at"] if lists else [])})',
        "self.save()",
        f"{RACES} {UPDATE}",
    ),
    Fault(
        "a row is not locked for a write",
        "customers/views.py",
        'customers.select_for_update(of=("self",))',
        "customers",
        f"{CONDITIONAL} {RACES}",
    ),
    Fault(
        "If-Match is not asked",
        "tenants/views.py",
        'self.request.headers.get("If-Match", "*")',
        '"*"',
        CONDITIONAL,
    ),
    Fault(
        "a key is everybody's",
        "tenants/idempotency.py",
        "answers = StoredAnswer.objects.filter(user=request.user)",
        "answers = StoredAnswer.objects.all()",
        ONCE,
    ),
    Fault(
        "a key answers any request",
        "tenants/idempotency.py",
        "if stored.fingerprint != fingerprint:",
        "if False:",
        ONCE,
    ),
    Fault(
        "two requests with one key at once",
        "tenants/idempotency.py",
        "    if not mine:\n        raise InFlight",
        "    return",
        ONCE,
    ),
    Fault(
        "a removed person stays in a stored answer",
        "customers/models.py",
        "    StoredAnswer.objects.filter(subject_id__in=ids).delete()\n",
        "",
        ONCE,
    ),
    Fault(
        "bookings don't wait for each other",
        "appointments/models.py",
        'cursor.execute("SELECT pg_advisory_xact_lock(3, hashtext(%s))", lock)',
        "cursor",
        BOOKING,
    ),
    # --- the trail --------------------------------------------------------------------------------------------------
    Fault(
        "the application can change the trail",
        "tenants/migrations/0005_append_only_audit_trail.py",
        '"REVOKE INSERT, UPDATE, DELETE ON tenants_auditevent FROM circe_app"',
        '"SELECT 1"',
        AUDIT,
    ),
    Fault(
        "the application can forge a row's event",
        "tenants/migrations/0003_audit_functions.py",
        "IF action NOT IN ('refused', 'erased') THEN",
        "IF false THEN",
        AUDIT,
    ),
    Fault(
        "a hash is in the trail",
        "tenants/migrations/0003_audit_functions.py",
        "IF new_row ->> 'password' IS NOT NULL THEN",
        "IF false THEN",
        AUDIT,
    ),
    Fault(
        "a removed person stays in the trail",
        "tenants/migrations/0003_audit_functions.py",
        "IF model = 'customer' AND TG_OP = 'DELETE' THEN",
        "IF false THEN",
        DELETE,
    ),
    Fault(
        "nobody signs",
        "tenants/actor.py",
        "if not isinstance(sql, str) or not sql.lstrip()[:6].upper().startswith(WRITES):",
        "if True:",
        AUDIT,
    ),
    Fault(
        "a refused write is not recorded",
        "tenants/middleware.py",
        "if response.status_code == HTTPStatus.FORBIDDEN and request.method not in SAFE_METHODS:",
        "if False:",
        AUDIT,
    ),
    # --- the wire ---------------------------------------------------------------------------------------------------
    Fault(
        "a browser keeps what is about people",
        "circe/headers.py",
        'response["Cache-Control"] = "private, no-store"',
        "pass",
        "circe/tests/test_headers.py",
    ),
    Fault(
        "gunicorn answers with a page",
        "circe/gunicorn.py",
        "if not isinstance(exc, ParseException):",
        "if True:",
        "circe/tests/test_raw_requests.py",
    ),
    # --- commands ---------------------------------------------------------------------------------------------------
    Fault(
        "a dry run is kept",
        "tenants/commands.py",
        "transaction.set_rollback(True)",
        "pass",
        "tenants/tests/test_commands.py",
    ),
    Fault(
        "a dry run of restoring forgets what its batches did",
        "customers/management/commands/restore_customers.py",
        "batches_meet = True",
        "batches_meet = False",
        "customers/tests/test_restore_customers.py",
    ),
    Fault(
        "whoever is restored while a purge comes to them is purged",
        "tenants/commands.py",
        '.select_for_update(of=("self",))[:size]',
        "[:size]",
        "customers/tests/test_purge_customers.py",
    ),
    Fault(
        "the address of a failed log-in outlives the person",
        "customers/models.py",
        "    LoginFailure.objects.filter(account__in=[customer.email_key for customer in customers]).delete()\n",
        "",
        "customers/tests/test_forgotten.py",
    ),
    Fault(
        "an old form undoes what others saved",
        "tenants/admin_forms.py",
        "values[name] = getattr(self.instance, name, None)",
        "pass",
        STALE,
    ),
    Fault(
        "an old form overwrites without a word",
        "tenants/admin_forms.py",
        "elif self.fields[name].has_changed(self[name].initial, self[name].data):",
        "elif False:",
        STALE,
    ),
    Fault(
        "two forms are saved at once",
        "tenants/admin.py",
        'if row and request.method == "POST" and',
        "if False and",
        STALE,
    ),
    # --- faults of what it stands on --------------------------------------------------------------------------------
    Fault(
        "those who wait for a database that is away wait in vain",
        "circe/settings.py",
        '        "reconnect_failed": postgresql.give_up,\n',
        "",
        "circe/tests/test_faults.py::test_away_and_back",
    ),
    Fault(
        "a pool of dead connections is kept",
        "circe/postgresql/base.py",
        "                give_up(pool)\n",
        "",
        "circe/tests/test_faults.py::test_ended_sessions_are_not_handed_out",
    ),
    Fault(
        "a pool that was given up is the next one's",
        "circe/postgresql/__init__.py",
        "            del pools[alias]",
        "            pass",
        "circe/tests/test_faults.py::test_away_and_back",
    ),
    Fault(
        "the admin crashes while the database is away",
        "circe/errors.py",
        "    return problem.as_page() if _is_page(request) else problem.as_response()",
        "    return defaults.server_error(request) if _is_page(request) else problem.as_response()",
        "circe/tests/test_faults.py::test_away_and_back",
    ),
    Fault(
        "an answer is good for ever",
        "tenants/idempotency.py",
        "if stored and stored.is_expired:",
        "if False:",
        ONCE,
    ),
    Fault(
        "answers that have expired stay",
        "tenants/idempotency.py",
        "            StoredAnswer.sweep()\n",
        "",
        ONCE,
    ),
    Fault(
        "answers that have not expired go",
        "tenants/idempotency.py",
        "cls.objects.filter(created_at__lte=timezone.now() - KEPT).order_by",
        "cls.objects.order_by",
        ONCE,
    ),
    Fault(
        "a key goes along to another business",
        "tenants/idempotency.py",
        "asked = [request.user.tenant_id, ",
        "asked = [",
        ONCE,
    ),
    Fault(
        "those who swap e-mails wait for each other",
        "customers/models.py",
        "                self._take_turn(update_fields)\n",
        "",
        RACES,
    ),
    Fault(
        "a killed server's socket is a server",
        "circe/embedded_postgres/__init__.py",
        " and bool(_command(pid))",
        "",
        "circe/tests/test_embedded_postgres.py",
    ),
]
