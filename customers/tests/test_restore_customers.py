"""`manage.py restore_customers`."""

import datetime as dt
import threading

import pytest
from django.core.management import execute_from_command_line
from django.db import connection, transaction

from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import AuditEvent
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import UserFactory
from tenants.tests.locks import until_blocked
from tenants.tests.shell import run

UNKNOWN_ID = "f" * 24
LOTUS = ("restore_customers", "--tenant", "lotus")


def pk(number):
    """Returns an id. Ids sort as their numbers."""
    return f"{number:024x}"


def rows(**which):
    with tenant_scope(ALL_TENANTS):
        return list(Customer.objects.filter(**which).order_by("pk").values())


def deleted_ids():
    return [row["id"] for row in rows(is_deleted=True)]


def at(text):
    return dt.datetime.fromisoformat(text)


# --- by id and by e-mail --------------------------------------------------------------------------------------------


def test_by_id_and_by_email_in_any_spelling(tenant):
    by_id, by_email, other = (
        DeletedCustomerFactory(pk=pk(n), tenant=tenant, email=f"j{n}@example.com") for n in (1, 2, 3)
    )
    ran = run(*LOTUS, "--id", by_id.pk.upper(), "--email", " J2@Example.COM ")
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.lines == [
        f"lotus: restored {by_id.pk}",
        f"lotus: restored {by_email.pk}",
        "lotus: 2 restored, 0 not deleted, nobody was refused",
    ]
    assert deleted_ids() == [other.pk]


@pytest.mark.parametrize("was_active", [True, False, None])
def test_a_restored_customer_is_as_before_the_deletion(tenant, was_active):
    customer = DeletedCustomerFactory(
        tenant=tenant, was_active=was_active, deleted_by=UNKNOWN_ID, deleted_at=at("2026-01-02T03:04:05Z"), tags=["vip"]
    )
    (before,) = rows()
    run(*LOTUS, "--id", customer.pk)
    (after,) = rows()
    undone = {
        "is_deleted": False,
        "is_active": bool(was_active),
        "was_active": None,
        "deleted_at": None,
        "deleted_by": None,
    }
    assert after == before | undone | {"updated_at": after["updated_at"], "changed_at": after["changed_at"]}
    assert after["updated_at"] > before["updated_at"]


def test_the_audit_trail_names_the_command(tenant):
    customer = DeletedCustomerFactory(tenant=tenant)
    run(*LOTUS, "--id", customer.pk)
    with tenant_scope(tenant):
        event = AuditEvent.objects.filter(customer_id=customer.pk).first()
    assert (event.action, event.command) == ("restored", "restore_customers")


def test_an_unknown_customer_is_refused_and_one_who_is_not_deleted_is_left_alone(tenant):
    live, deleted = CustomerFactory(tenant=tenant), DeletedCustomerFactory(tenant=tenant)
    ran = run(*LOTUS, "--id", UNKNOWN_ID, "--id", live.pk, "--email", "who@example.com", "--id", deleted.pk)
    assert (ran.code, sorted(ran.lines)) == (
        1,
        sorted(
            [
                f"lotus: not deleted {live.pk}",
                f"lotus: restored {deleted.pk}",
                f"lotus: refused {UNKNOWN_ID}: there is no such customer",
                "lotus: refused who@example.com: there is no such customer",
                "lotus: 1 restored, 1 not deleted, 2 refused",
            ]
        ),
    )
    assert run(*LOTUS, "--id", live.pk).code == 0


def test_an_address_of_several_deleted_customers_is_refused(tenant):
    for number in (1, 2):
        DeletedCustomerFactory(pk=pk(number), tenant=tenant, email="jane@example.com")
    ran = run(*LOTUS, "--email", "jane@example.com")
    assert (ran.code, ran.lines[0]) == (
        1,
        f"lotus: refused jane@example.com: several deleted customers have it, choose with --id: {pk(1)}, {pk(2)}",
    )
    assert deleted_ids() == [pk(1), pk(2)]
    run(*LOTUS, "--email", "jane@example.com", "--id", pk(2))
    assert deleted_ids() == [pk(1)]


# --- by who deleted them, and when ----------------------------------------------------------------------------------


@pytest.fixture
def deleting_user(tenant):
    """Returns a user who deleted three customers: one second before 1 March, at its start and at its end (in Jakarta).
    Somebody else deleted a fourth customer.
    """
    user = UserFactory(tenant=tenant, email="rina@lotus.test")
    DeletedCustomerFactory(pk=pk(9), tenant=tenant, deleted_by=UNKNOWN_ID, deleted_at=at("2026-03-01T10:00:00Z"))
    for number, when in enumerate(("2026-02-28T16:59:59Z", "2026-02-28T17:00:00Z", "2026-03-01T17:00:00Z"), 1):
        DeletedCustomerFactory(pk=pk(number), tenant=tenant, deleted_by=user.pk, deleted_at=at(when))
    return user


@pytest.mark.parametrize(
    ("span", "restored"),
    [
        ([], [1, 2, 3]),
        (["--from", "2026-03-01"], [2, 3]),
        (["--to", "2026-03-01"], [1, 2]),
        (["--from", "2026-03-01", "--to", "2026-03-01"], [2]),
        (["--from", "2026-02-28T23:59:59", "--to", "2026-02-28T16:59:59Z"], [1]),
        (["--from", "2027-01-01"], []),
    ],
    ids=str,
)
@pytest.mark.parametrize("by", ["email", "pk"])
def test_all_that_one_user_deleted_in_a_span_of_the_tenants_clock(deleting_user, span, restored, by):
    ran = run(*LOTUS, "--deleted-by", getattr(deleting_user, by).upper(), *span)
    assert (ran.code, ran.lines[-1]) == (0, f"lotus: {len(restored)} restored, 0 not deleted, nobody was refused")
    assert deleted_ids() == [pk(number) for number in (1, 2, 3, 9) if number not in restored]


def test_the_time_of_the_deletion_is_told_by_the_tenants_clock(deleting_user):
    ran = run(*LOTUS, "--deleted-by", deleting_user.email, "--to", "2026-02-28")
    assert ran.lines[0] == f"lotus: restored {pk(1)} (deleted 2026-02-28 23:59)"


def test_a_user_who_is_gone_is_known_by_id(deleting_user):
    with tenant_scope(ALL_TENANTS):
        deleting_user.delete()
    assert run(*LOTUS, "--deleted-by", deleting_user.email).code == 2
    with tenant_scope(ALL_TENANTS):
        user_id = Customer.objects.get(pk=pk(1)).deleted_by
    assert run(*LOTUS, "--deleted-by", user_id).lines[-1].startswith("lotus: 3 restored")


# --- conflicts ------------------------------------------------------------------------------------------------------


def test_conflicts_are_listed_and_skipped_and_nobody_is_overwritten(tenant):
    deleted = [DeletedCustomerFactory(pk=pk(number), tenant=tenant, deleted_by=UNKNOWN_ID) for number in range(1, 6)]
    by_email = CustomerFactory(tenant=tenant, email=deleted[1].email.upper())
    by_phone = CustomerFactory(tenant=tenant, phone=deleted[3].phone)
    both = CustomerFactory(tenant=tenant, email=deleted[4].email, phone=deleted[4].phone)
    before = {row["id"]: row for row in rows()}

    ran = run(*LOTUS, "--deleted-by", UNKNOWN_ID)
    assert (ran.code, ran.lines) == (
        1,
        [
            f"lotus: restored {pk(1)}",
            f"lotus: refused {pk(2)}: its e-mail address is now that of {by_email.pk}",
            f"lotus: restored {pk(3)}",
            f"lotus: refused {pk(4)}: its phone number is now that of {by_phone.pk}",
            f"lotus: refused {pk(5)}: its e-mail address is now that of {both.pk}, "
            f"its phone number is now that of {both.pk}",
            "lotus: 2 restored, 0 not deleted, 3 refused",
        ],
    )
    after = {row["id"]: row for row in rows()}
    assert [key for key in after if after[key] != before[key]] == [pk(1), pk(3)]


@pytest.mark.parametrize("size", ["1", "2", "200"])
def test_the_first_of_deleted_customers_with_one_email_is_restored_also_in_a_dry_run(tenant, size):
    for number in range(1, 6):
        shared = {"email": "jane@example.com"} if number in (2, 5) else {}
        DeletedCustomerFactory(pk=pk(number), tenant=tenant, deleted_by=UNKNOWN_ID, **shared)
    arguments = (*LOTUS, "--deleted-by", UNKNOWN_ID, "--batch-size", size)
    before = rows()
    dry = run(*arguments, "--dry-run")
    assert rows() == before
    real = run(*arguments)
    assert real.lines[-2:] == [
        f"lotus: refused {pk(5)}: its e-mail address is now that of {pk(2)}",
        "lotus: 4 restored, 0 not deleted, 1 refused",
    ]
    assert dry.lines == [f"[dry run] {line}" for line in [*real.lines, "Nothing was changed."]]
    assert (dry.code, deleted_ids()) == (1, [pk(5)])


def test_json(tenant):
    deleted = [DeletedCustomerFactory(pk=pk(number), tenant=tenant) for number in (1, 2)]
    live = CustomerFactory(tenant=tenant, phone=deleted[1].phone)
    ran = run(*LOTUS, "--id", pk(1), "--id", pk(2), "--id", live.pk, "--id", UNKNOWN_ID, "--json")
    assert ran.code == 1
    assert ran.report["rows"] == [
        {"tenant": "lotus", "outcome": "restored", "id": pk(1)},
        {
            "tenant": "lotus",
            "outcome": "refused",
            "id": pk(2),
            "reason": "conflict",
            "conflicts": [{"field": "phone", "customer_id": live.pk}],
        },
        {"tenant": "lotus", "outcome": "not_deleted", "id": live.pk},
        {"tenant": "lotus", "outcome": "refused", "reason": "unknown", "given": UNKNOWN_ID},
    ]
    assert ran.report["totals"] == {"restored": 1, "not_deleted": 1, "refused": 2}


@pytest.mark.django_db(transaction=True)
def test_a_customer_who_is_created_at_the_same_moment_keeps_their_email(tenant):
    """The command waits for the transaction that creates the new customer."""
    deleted = DeletedCustomerFactory(tenant=tenant)
    ran = []

    def restore():
        ran.append(run(*LOTUS, "--id", deleted.pk))
        connection.close()

    thread = threading.Thread(target=restore)
    with transaction.atomic():
        new = CustomerFactory(tenant=tenant, email=deleted.email)
        thread.start()
        until_blocked()
    thread.join()
    assert (ran[0].code, ran[0].lines[0]) == (
        1,
        f"lotus: refused {deleted.pk}: its e-mail address is now that of {new.pk}",
    )
    assert deleted_ids() == [deleted.pk]


# --- tenants --------------------------------------------------------------------------------------------------------


def test_customers_of_another_tenant_are_not_restored(tenant, other_tenant):
    _, theirs = (
        DeletedCustomerFactory(tenant=one, email="jane@example.com", deleted_by=UNKNOWN_ID)
        for one in (tenant, other_tenant)
    )
    for which in (["--deleted-by", UNKNOWN_ID], ["--id", theirs.pk], ["--email", "jane@example.com"]):
        run(*LOTUS, *which)
        assert deleted_ids() == [theirs.pk]
    assert run(*LOTUS, "--id", theirs.pk).lines[0] == f"lotus: refused {theirs.pk}: there is no such customer"


def test_in_all_tenants_an_id_is_refused_only_if_no_tenant_has_it(tenant, other_tenant):
    theirs = DeletedCustomerFactory(tenant=other_tenant)
    ran = run("restore_customers", "--all-tenants", "--id", theirs.pk, "--id", UNKNOWN_ID)
    assert (ran.code, ran.lines) == (
        1,
        [
            f"nordlys: restored {theirs.pk}",
            f"all tenants: refused {UNKNOWN_ID}: there is no such customer",
            "lotus: 0 restored, 0 not deleted, nobody was refused",
            "nordlys: 1 restored, 0 not deleted, nobody was refused",
            "all tenants: 1 restored, 0 not deleted, 1 refused",
        ],
    )


# --- wrong use ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say whom to restore: by --id and --email, or by --deleted-by."),
        (
            ["--id", UNKNOWN_ID, "--deleted-by", UNKNOWN_ID],
            "Say whom to restore: by --id and --email, or by --deleted-by.",
        ),
        (["--id", UNKNOWN_ID, "--from", "2026-01-01"], "--from and --to are about --deleted-by."),
        (["--deleted-by", UNKNOWN_ID, "--from", "2026-01-02", "--to", "2026-01-01"], "--from is after --to."),
        (
            ["--deleted-by", "who@example.com"],
            "--deleted-by who@example.com: no user has this e-mail address. Give the id of one who is gone.",
        ),
        (["--deleted-by", "x"], "--deleted-by x: no user has this e-mail address. Give the id of one who is gone."),
    ],
)
def test_wrong_use_is_explained_and_changes_nothing(tenant, arguments, sentence):
    DeletedCustomerFactory(tenant=tenant, deleted_by=UNKNOWN_ID)
    before = rows()
    ran = run(*LOTUS, *arguments)
    assert (ran.code, ran.stdout, ran.stderr, rows()) == (2, "", sentence, before)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "one of the arguments --tenant --all-tenants is required"),
        (["--tenant", "lotus", "--all-tenants"], "argument --all-tenants: not allowed with argument --tenant"),
        (["--tenant", "lotus", "--id", "1"], "argument --id: '1' is no id: it has 24 hex digits"),
        (["--tenant", "lotus", "--email", "jane"], "argument --email: 'jane' is no e-mail address"),
        (["--tenant", "lotus", "--to", "yesterday"], "argument --to: Write a day such as 2025-01-31 or an instant"),
        (["--tenant", "lotus", "--batch-size", "0"], "argument --batch-size: give a whole number from 1"),
        (["--tenant", "lotus", "--batch-size", "²"], "argument --batch-size: give a whole number from 1"),
        (["--tenant", "lotus", "--overwrite"], "unrecognized arguments: --overwrite"),
    ],
)
def test_arguments_that_cannot_be_read_exit_with_2(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        execute_from_command_line(["manage.py", "restore_customers", *arguments])
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err
