"""`GET /api/v1/customers/{id}/recommendations`."""

import pytest

from appointments.models import WorkingHours
from circe.db.ids import new_id
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory


def url(customer):
    return f"/api/v1/customers/{customer if isinstance(customer, str) else customer.pk}/recommendations"


@pytest.fixture
def regular(salon):
    """A regular on Mondays at ten, whose favourite person has left."""
    salon.add_staff("Dewi", "Kemang", range(6), (9, 17))
    customer = salon.add_customer(
        "2026-09-07 10:00 Cut Ana\n2026-10-05 10:00 Cut Ana\n2026-11-02 10:00 Cut Ana",
        staff="Dewi Ana",
        outlet="Kemang",
    )
    salon.staff["Dewi"].is_active = False
    salon.staff["Dewi"].save()
    return customer


def test_the_answer_has_items_with_service_slot_score_and_reasons_and_what_is_ignored(salon, regular, staff):
    answer = staff.get(url(regular))
    ana, cut, kemang = salon.staff["Ana"], salon.services["Cut"], salon.outlets["Kemang"]
    assert answer.status_code == 200
    assert answer.json()["items"][0] == {
        "service": {
            "id": cut.pk,
            "tenant_id": salon.tenant.pk,
            "name": "Cut",
            "category": "hair",
            "duration_minutes": 60,
            "buffer_minutes": 0,
            "price": 350000,
            "currency": "IDR",
            "is_active": True,
            "staff_ids": [],
            "rebooking_days": None,
            "created_at": "2026-11-28T00:00:00Z",
            "updated_at": "2026-11-28T00:00:00Z",
        },
        "slot": {
            "appointment_date": "2026-11-30",
            "start_time": "10:00:00",
            "end_time": "11:00:00",
            "starts_at": "2026-11-30T03:00:00Z",
            "staff_id": ana.pk,
            "staff": {"id": ana.pk, "name": "Ana"},
            "outlet_id": kemang.pk,
            "outlet": {"id": kemang.pk, "name": "Kemang"},
            "price": 350000,
            "currency": "IDR",
        },
        "score": 103,
        "reasons": ["due", "popular", "preferred_staff", "preferred_outlet", "usual_weekday", "usual_hour"],
        "points": {
            "due": 60,
            "popular": 5,
            "preferred_staff": 16,
            "preferred_outlet": 10,
            "usual_weekday": 6,
            "usual_hour": 6,
        },
        "due_day": "2026-11-30",
    }
    assert answer.json()["ignored"] == [
        {"key": "preferred_staff_ids", "id": salon.staff["Dewi"].pk, "reason": "inactive"}
    ]
    assert len(answer.json()["items"]) == 5
    assert all(item["score"] == sum(item["points"].values()) for item in answer.json()["items"])


def test_limit_is_from_one_to_twenty(salon, regular, staff):
    every = staff.get(url(regular), {"limit": 20}).json()["items"]
    assert len(every) > 5
    for limit in (1, 5, 7):
        assert staff.get(url(regular), {"limit": limit}).json()["items"] == every[:limit]
    for limit in ("0", "21", "-1", "five", "", "5.0", "1e1", "٥"):
        answer = staff.get(url(regular), {"limit": limit})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "limit"), limit
    assert staff.get(f"{url(regular)}?limit=1&limit=2").status_code == 400
    assert staff.get(url(new_id()), {"limit": "0"}).status_code == 404


def test_a_foreign_an_unknown_and_a_deleted_customer_are_the_same_404(salon, other_tenant, staff):
    people = [CustomerFactory(tenant=other_tenant).pk, DeletedCustomerFactory(tenant=salon.tenant).pk, new_id(), "122"]
    answers = {(answer.status_code, answer.content) for answer in (staff.get(url(one)) for one in people)}
    assert [status for status, _ in answers] == [404]


def test_a_super_admin_gets_the_recommendations_of_the_customers_business(salon, regular, staff, super_admin):
    assert super_admin.get(url(regular)).json() == staff.get(url(regular)).json()


def test_an_inactive_customer_can_book_nothing_so_nothing_is_recommended(salon, regular, staff):
    regular.change({"is_active": False})
    answer = staff.get(url(regular)).json()
    assert (answer["items"], len(answer["ignored"])) == ([], 1)


def test_where_nobody_works_nothing_is_recommended(salon, regular, staff):
    WorkingHours.objects.all().delete()
    assert staff.get(url(regular)).json()["items"] == []
