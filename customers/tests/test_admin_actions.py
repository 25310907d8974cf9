"""Actions of the admin on several customers at once."""

import threading

import pytest
from django.contrib.admin import site
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from appointments.tests.factories import AppointmentFactory
from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.admin import bulk_actions
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tenants.tests.factories import ServiceFactory
from tenants.tests.locks import until_blocked

from .pages import JANE, PAGE, act, change_page, names, shown_messages

# --- deleting and restoring -----------------------------------------------------------------------------------------


def test_deleting_is_soft_and_the_page_says_so(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope)
    browser = back_office("tenant_admin")
    assert "Nothing is lost" in browser.get(f"{PAGE}{jane.pk}/delete/").content.decode()
    assert browser.post(f"{PAGE}{jane.pk}/delete/", {"post": "yes"}).status_code == 302
    jane.refresh_from_db()
    assert (jane.is_deleted, jane.is_active, jane.deleted_by) == (True, False, browser.user.pk)


@pytest.mark.parametrize("role", ["staff", "outlet_manager"])
@pytest.mark.parametrize("action", ["soft_delete", "restore"])
def test_reception_and_managers_neither_delete_nor_restore(back_office, in_scope, role, action):
    make = CustomerFactory if action == "soft_delete" else DeletedCustomerFactory
    jane, browser = make(tenant=in_scope), back_office(role)
    assert browser.post(f"{PAGE}{jane.pk}/delete/", {"post": "yes"}).status_code in {302, 403}
    act(browser, action, jane)
    assert Customer.objects.get().is_deleted is (action == "restore")


@pytest.mark.parametrize("role", ["staff", "outlet_manager"])
def test_they_do_not_see_the_deleted_either(back_office, tenant, role):
    deleted, browser = DeletedCustomerFactory(tenant=tenant), back_office(role)
    assert names(browser) == []
    assert browser.get(f"{PAGE}?deleted=yes").status_code == 400
    assert browser.get(change_page(deleted)).status_code == 302


def test_the_list_hides_the_deleted_unless_asked(back_office, tenant):
    CustomerFactory(tenant=tenant, first_name="Here", last_name=None)
    DeletedCustomerFactory(tenant=tenant, first_name="Gone", last_name=None)
    browser = back_office("tenant_admin")
    assert names(browser) == ["Here"]
    assert names(browser, "?deleted=yes") == ["Gone"]
    assert sorted(names(browser, "?deleted=all")) == ["Gone", "Here"]


def test_a_deleted_customer_is_for_reading(back_office, in_scope):
    service = ServiceFactory(tenant=in_scope, name="Creambath")
    deleted = DeletedCustomerFactory(tenant=in_scope, first_name="Gone")
    deleted.change({"preferred_services": [service.pk]})
    browser = back_office("tenant_admin")
    content = browser.get(change_page(deleted)).content.decode()
    assert "Creambath" in content
    assert 'name="_save"' not in content
    assert browser.post(change_page(deleted), JANE).status_code == 403
    assert browser.get(f"{PAGE}{deleted.pk}/delete/").status_code == 403


def test_the_selected_are_deleted_and_restored(back_office, other_tenant, in_scope):
    ours, theirs = [CustomerFactory(tenant=in_scope) for _ in range(3)], CustomerFactory(tenant=other_tenant)
    browser = back_office("tenant_admin")
    [message] = shown_messages(act(browser, "soft_delete", *ours[:2], theirs, asked=1))
    assert message.startswith("Deleted: 2. The filter “Deleted” shows them. <form")
    assert set(Customer.objects.deleted()) == set(ours[:2])
    assert {one.deleted_by for one in Customer.objects.deleted()} == {browser.user.pk}
    with tenant_scope(other_tenant):
        theirs.refresh_from_db()
    assert theirs.is_deleted is False
    assert "Restored: 2." in shown_messages(act(browser, "restore", *ours, theirs, query="?deleted=yes", asked=1))
    assert not Customer.objects.deleted().exists()


def test_a_restore_names_who_could_not_be_restored_and_does_the_rest(back_office, in_scope):
    taken = DeletedCustomerFactory(tenant=in_scope, first_name="Taken", last_name=None, phone="+628123456789")
    free = DeletedCustomerFactory(tenant=in_scope)
    CustomerFactory(tenant=in_scope, phone="+628123456789")
    messages = shown_messages(act(back_office("tenant_admin"), "restore", taken, free, query="?deleted=yes", asked=1))
    link = f'<a href="{change_page(taken)}">Taken</a>'
    assert messages == [f"{link} was not restored. Another customer has this phone number.", "Restored: 1."]
    assert list(Customer.objects.deleted()) == [taken]


def test_djangos_own_bulk_deletion_is_gone(back_office, in_scope):
    jane, browser = CustomerFactory(tenant=in_scope), back_office("super_admin")
    assert "delete_selected" not in browser.get(PAGE).content.decode()
    act(browser, "delete_selected", jane)
    assert Customer.objects.get().is_deleted is False


# --- who may do what ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        ("staff", set()),
        ("outlet_manager", {"tag", "untag"}),
        ("tenant_admin", {"tag", "untag", "soft_delete", "restore", "export_selected"}),
        ("super_admin", {"tag", "untag", "soft_delete", "restore", "purge", "export_selected"}),
    ],
)
def test_each_role_has_its_actions(back_office, in_scope, role, actions):
    jane, gone = CustomerFactory(tenant=in_scope, tags=["old"]), DeletedCustomerFactory(tenant=in_scope)
    browser = back_office(role)
    form = browser.get(PAGE).context["action_form"]
    assert {name for name, _ in form.fields["action"].choices if name} == actions if form else not actions
    for action in {"tag", "untag", "purge", "soft_delete", "restore"} - actions:
        asked = {"asked": 1, "tag": "old" if action == "untag" else "new", "typed": "2 customers"}
        act(browser, action, jane, gone, query="?deleted=all" if "restore" in actions else "", **asked)
    assert [one.tags[-1] for one in Customer.objects.undeleted()] == ["old"]
    assert Customer.objects.deleted().get() == gone


@pytest.mark.parametrize("action", ["tag", "untag", "soft_delete", "restore", "purge"])
def test_nothing_is_done_to_another_tenants_customers(back_office, other_tenant, in_scope, action):
    theirs = [CustomerFactory(tenant=other_tenant, tags=["old"]), DeletedCustomerFactory(tenant=other_tenant)]
    asked = {"asked": 1, "tag": "old" if action == "untag" else "new", "typed": "1 customer"}
    messages = shown_messages(act(back_office("tenant_admin"), action, *theirs, query="?deleted=all", **asked))
    assert messages == [
        "This can be done to none of the selected customers." if action != "purge" else "No action selected."
    ]
    with tenant_scope(other_tenant):
        assert [(one.tags[-1], one.is_deleted) for one in Customer.objects.order_by("is_deleted")] == [
            ("old", False),
            ("walk-in", True),
        ]


@in_one_test("pk", ["zzz", "", "0" * 24, "a\0b", "x" * 10_000])
@pytest.mark.parametrize("action", ["tag", "restore", "purge"])
def test_an_id_that_is_none_is_nobody(back_office, in_scope, pk, action):
    body = {"action": action, "_selected_action": [pk], "asked": 1, "tag": "new", "typed": "1 customer"}
    assert back_office("super_admin").post(PAGE, body).status_code == (302 if pk == "0" * 24 else 400)


# --- tags -----------------------------------------------------------------------------------------------------------


def test_the_selected_are_tagged_once_asked(back_office, in_scope):
    ours = [CustomerFactory(tenant=in_scope, tags=["vip"]), CustomerFactory(tenant=in_scope)]
    other, browser = CustomerFactory(tenant=in_scope), back_office("outlet_manager")
    page = act(browser, "tag", *ours)
    assert page.status_code == 200
    assert all(str(one) in page.content.decode() for one in ours)
    assert '<option value="vip">' in page.content.decode()
    assert not Customer.objects.tagged(["spring"]).exists()
    done = act(browser, "tag", *ours, asked=1, tag=" Spring ")
    assert (done.status_code, shown_messages(done)) == (302, ["Tagged “spring”: 2."])
    assert set(Customer.objects.tagged(["spring"])) == set(ours)
    assert shown_messages(act(browser, "tag", *ours, other, asked=1, tag="spring"))[-1] == "Tagged “spring”: 1."


@pytest.mark.parametrize(
    ("tag", "error"),
    [
        ("", "This field is required."),
        ("v!p", "“v!p” is no tag. A tag is made of letters, digits, hyphens and underscores."),
        ("a\0b", "Null characters are not allowed."),
        ("a" * 51, "Ensure this value has at most 50 characters (it has 51)."),
        ("more", "A customer has at most 50 tags. Deselect Full and 1 more."),
    ],
)
def test_a_bad_tag_is_an_error_of_the_form_and_nobody_is_tagged(back_office, in_scope, tag, error):
    ours = [CustomerFactory(tenant=in_scope, first_name="Full", last_name=None) for _ in range(2)]
    for one in ours:
        one.change({"tags": [f"t{n}" for n in range(50)]})
    ours.append(CustomerFactory(tenant=in_scope))
    before = sorted(Customer.objects.values_list("pk", "tags"))
    response = act(back_office("outlet_manager"), "tag", *ours, asked=1, tag=tag)
    assert (response.status_code, error in response.context["form"].errors["tag"]) == (200, True)
    assert sorted(Customer.objects.values_list("pk", "tags")) == before


def test_whoever_has_50_tags_can_be_given_one_of_them_again(back_office, in_scope):
    full = CustomerFactory(tenant=in_scope)
    full.change({"tags": [f"t{n}" for n in range(50)]})
    messages = shown_messages(act(back_office("outlet_manager"), "tag", full, asked=1, tag="t7"))
    assert messages == ["Tagged “t7”: 0. All of them have this tag already."]


def test_a_tag_that_they_have_is_taken_away(back_office, in_scope):
    ours = [CustomerFactory(tenant=in_scope, tags=["vip", "spring"]), CustomerFactory(tenant=in_scope, tags=["old"])]
    browser = back_office("outlet_manager")
    choices = act(browser, "untag", *ours).context["form"].fields["tag"].choices
    assert [tag for tag, _ in choices] == ["old", "spring", "staff-created", "vip", "walk-in"]
    assert "tag" in act(browser, "untag", *ours, asked=1, tag="winter").context["form"].errors
    # The list that they were chosen in may be narrowed by the very tag.
    messages = shown_messages(act(browser, "untag", *ours, query="?tag=vip", asked=1, tag="vip"))
    assert messages == ["No longer tagged “vip”: 1."]
    assert Customer.objects.get(pk=ours[0].pk).tags == ["staff-created", "walk-in", "spring"]


def test_a_deleted_customer_is_not_tagged(back_office, in_scope):
    gone, browser = DeletedCustomerFactory(tenant=in_scope), back_office("tenant_admin")
    assert shown_messages(act(browser, "tag", gone, query="?deleted=all")) == [
        "This can be done to none of the selected customers."
    ]


def test_a_tag_is_in_the_audit_trail(back_office, in_scope):
    jane, browser = CustomerFactory(tenant=in_scope), back_office("outlet_manager")
    act(browser, "tag", jane, asked=1, tag="vip")
    event = AuditEvent.objects.filter(customer_id=jane.pk).first()
    assert (event.actor, event.before["tags"], event.after["tags"]) == (browser.user, jane.tags, [*jane.tags, "vip"])


@pytest.mark.django_db(transaction=True)
def test_two_who_tag_the_same_customer_both_do(back_office, in_scope):
    jane, browser = CustomerFactory(tenant=in_scope), back_office("outlet_manager")

    def post():
        act(browser, "tag", jane, asked=1, tag="hers")
        connections.close_all()

    other = threading.Thread(target=post)
    with transaction.atomic():
        jane.change({"tags": [*jane.tags, "his"]})
        other.start()
        until_blocked()
    other.join()
    assert Customer.objects.get().tags == ["staff-created", "walk-in", "his", "hers"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_delete_the_same_customer_one_does(back_office, in_scope):
    jane, browser = CustomerFactory(tenant=in_scope), back_office("tenant_admin")

    def post():
        act(browser, "soft_delete", jane, asked=1)
        connections.close_all()

    other = threading.Thread(target=post)
    with transaction.atomic():
        jane.soft_delete(by="0" * 24)
        other.start()
        until_blocked()
    other.join()
    gone = Customer.objects.get()
    # Deleted again, she would come back inactive.
    assert (gone.deleted_by, gone.was_active) == ("0" * 24, True)


# --- how many -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["tag", "untag", "soft_delete", "purge"])
def test_more_than_the_bound_are_refused(back_office, in_scope, monkeypatch, action):
    monkeypatch.setattr(bulk_actions, "MAX_ROWS", 2)
    ours = [CustomerFactory(tenant=in_scope, tags=["old"]) for _ in range(3)]
    body = {"select_across": 1, "asked": 1, "tag": "old" if action == "untag" else "new", "typed": "3 customers"}
    browser = back_office("super_admin")
    before = sorted(Customer.objects.values_list("pk", "tags", "is_deleted"))
    messages = shown_messages(act(browser, action, ours[0], **body))
    assert messages == ["Choose at most 2 customers, by a filter or a search. Nothing was changed."]
    assert sorted(Customer.objects.values_list("pk", "tags", "is_deleted")) == before


def test_all_that_a_filter_leaves_are_chosen_across_pages(back_office, in_scope, monkeypatch):
    monkeypatch.setattr(site._registry[Customer], "list_per_page", 1)
    ours = [CustomerFactory(tenant=in_scope, tags=["vip"]) for _ in range(3)]
    CustomerFactory(tenant=in_scope)
    browser = back_office("tenant_admin")
    page = act(browser, "tag", ours[0], query="?tag=vip", select_across=1)
    # The action takes the customers whom the page names, even if the filter finds others by then.
    assert {one.pk for one in page.context["form"].rows} == {one.pk for one in ours}
    assert "select_across" not in page.content.decode()
    # "All that match" is never confirmed as such: it may be others by then.
    again = act(browser, "tag", ours[0], query="?tag=vip", select_across=1, asked=1, tag="spring")
    assert (again.status_code, Customer.objects.tagged(["spring"]).exists()) == (200, False)
    done = act(browser, "soft_delete", *ours, query="?tag=vip", asked=1)
    assert shown_messages(done)[0].startswith("Deleted: 3.")


@pytest.mark.parametrize("action", ["tag", "purge"])
def test_an_action_costs_the_same_queries_whoever_many_it_lists(back_office, in_scope, action):
    browser, ours = back_office("super_admin"), [CustomerFactory(tenant=in_scope) for _ in range(3)]
    counts = []
    for chosen in (ours[:1], ours):
        with CaptureQueriesContext(connection) as queries:
            act(browser, action, *chosen)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- purging ------------------------------------------------------------------------------------------------------


def test_removing_for_good_is_asked_and_typed(back_office, in_scope):
    jane, gone = CustomerFactory(tenant=in_scope), DeletedCustomerFactory(tenant=in_scope)
    AppointmentFactory(tenant=in_scope, customer=jane)
    kept, browser = CustomerFactory(tenant=in_scope), back_office("super_admin")
    page = act(browser, "purge", jane, gone, query="?deleted=all")
    text = page.content.decode()
    assert "This can't be undone." in text
    assert "Type: 2 customers" in text
    assert f"{jane.phone} · 1 appointment" in text
    for typed in ("", "yes", "2", "3 customers", "1 customer"):
        again = act(browser, "purge", jane, gone, query="?deleted=all", asked=1, typed=typed)
        assert (again.status_code, set(again.context["form"].errors)) == (200, {"typed"})
    assert Customer.objects.count() == 3
    done = act(browser, "purge", jane, gone, query="?deleted=all", asked=1, typed=" 2  Customers ")
    assert shown_messages(done) == ["Purged: 2."]
    assert list(Customer.objects.all()) == [kept]


def test_who_has_gone_meanwhile_changes_the_number_to_type(back_office, in_scope):
    jane, joe = CustomerFactory(tenant=in_scope), CustomerFactory(tenant=in_scope)
    browser = back_office("super_admin")
    act(browser, "purge", jane, joe)
    joe.purge()
    again = act(browser, "purge", jane, Customer(pk="0" * 24), asked=1, typed="2 customers")
    assert again.context["form"].errors["typed"] == ["Nobody has been purged. To purge them, type: 1 customer"]


def test_from_their_page_a_customer_is_restored_and_stays_on_it(back_office, in_scope):
    gone, browser = DeletedCustomerFactory(tenant=in_scope), back_office("tenant_admin")
    assert "Restore</button>" in browser.get(change_page(gone)).content.decode()
    response = act(browser, "restore", gone, query="?deleted=all", page=gone.pk, asked=1)
    assert (response.url, shown_messages(response)) == (change_page(gone), ["Restored: 1."])
    assert act(browser, "restore", gone, query="?deleted=all", page="//evil.example").url == f"{PAGE}?deleted=all"
