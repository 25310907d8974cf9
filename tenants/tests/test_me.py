"""GET /api/v1/auth/me"""

ME = "/api/v1/auth/me"


def test_who_am_i(manager, tenant):
    user = manager.user
    assert manager.get(ME).json() == {
        "id": user.pk,
        "email": user.email,
        "first_name": "Rina",
        "last_name": user.last_name,
        "role": "outlet_manager",
        "tenant_id": tenant.pk,
        "tenant": {
            "id": tenant.pk,
            "name": "Lotus",
            "slug": "lotus",
            "time_zone": "Asia/Jakarta",
            "currency": "IDR",
            "phone_region": "ID",
            "language": "id",
        },
    }


def test_a_super_admin_belongs_to_no_tenant(super_admin, other_tenant):
    answer = super_admin.get(ME).json()
    assert (answer["role"], answer["tenant_id"], answer["tenant"]) == ("super_admin", None, None)
    assert super_admin.get(f"{ME}?tenant_id={other_tenant.pk}").json() == answer


def test_a_new_name_is_told_at_once(staff):
    staff.user.first_name = "Sari"
    staff.user.save()
    assert staff.get(ME).json()["first_name"] == "Sari"
