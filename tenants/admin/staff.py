"""The back office pages of people and their accounts."""

from collections.abc import Callable, Collection
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from tenants.accounts.permissions import ADMINS, STAFF
from tenants.admin.invitations import InvitationForm, InvitingAdmin, describe_password, has_open_link
from tenants.models import Role, Service, ServiceStaff, Staff
from tenants.scope import current_tenant

# The import of GroupAdmin has registered Django's page of groups.
if isinstance(admin.site.get_model_admin(Group), GroupAdmin):
    admin.site.unregister(Group)

# Other pages about a person: functions that return the URL, by the text of the link. Higher apps register them.
_pages_of_person: dict[str, Callable[[str], str]] = {}


def register_page_of_person(title: str, url: Callable[[str], str]) -> None:
    """Adds a link to the page of each account. `url` takes the id of the account."""
    _pages_of_person[title] = url


@admin.register(Staff)
class StaffAdmin(InvitingAdmin):
    """The pages of people and their accounts. A new person is invited, and chooses their password by a mailed link.

    An account that has signed in or changed something is deactivated and not deleted, since the audit trail names it. The
    database refuses to delete it in any way.
    """

    roles = {"view": ADMINS, "add": ADMINS, "change": ADMINS, "delete": ADMINS, "choose": STAFF}
    instead_of_deleting = "Deactivate the account instead, by unticking “Active”."
    list_display = ["email", "first_name", "last_name", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["email"]
    readonly_fields = [
        "other_pages",
        "password_state",
        "offers",
        "remaining_bookings",
        "last_login",
        "created_at",
        "updated_at",
    ]
    fieldsets = [
        (None, {"fields": ["email", "password_state", "first_name", "last_name", "other_pages"]}),
        (
            "Access",
            {
                "fields": ["role", "is_active"],
                "description": "An account that has been used can't be deleted, since the audit trail names it. "
                "Deactivate it instead.",
            },
        ),
        ("Attends customers", {"fields": ["offers"]}),
        ("Record", {"fields": ["last_login", "created_at", "updated_at"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "fields": ["first_name", "last_name", "email", "role"],
                "description": "They get a mail with a link to choose their password.",
            },
        ),
        ("Attends customers", {"fields": ["outlet", "services"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Staff | None = None) -> Any:
        if obj:
            return super().get_fieldsets(request, obj)
        return self._with_tenant(request, self.add_fieldsets if current_tenant() else self.add_fieldsets[:1])

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs | ({} if obj else {"form": InvitationForm}))

    def has_delete_permission(self, request: HttpRequest, obj: Staff | None = None) -> bool:
        is_own = obj is not None and obj.pk == request.user.pk
        return not is_own and super().has_delete_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], Any, set[str], list[str]]:
        if any(account.has_acted for account in objs):
            return [], {}, set(), ["events of the audit trail, which always names it"]
        return super().get_deleted_objects(objs, request)

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        if not context["object"].is_active:
            context["instead_of_deleting"] = "The account is deactivated, so nobody can sign in with it."
        return super().render_delete_form(request, context)

    def get_readonly_fields(self, request: HttpRequest, obj: Staff | None = None) -> Collection[str]:
        own = ("role", "is_active") if obj and obj.pk == request.user.pk else ()
        return [*super().get_readonly_fields(request, obj), *own]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "role":
            # The choices go from the highest role down. Nobody gives a higher role than their own.
            kwargs["choices"] = Role.choices[Role.values.index(request.user.role) :]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @admin.display(description="see also")
    def other_pages(self, staff: Staff) -> SafeString:
        links = ((url(staff.pk), title) for title, url in _pages_of_person.items() if staff.tenant_id)
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    @admin.display(description="services")
    def offers(self, staff: Staff) -> str:
        named = Service.objects.filter(
            Exists(ServiceStaff.objects.filter(service=OuterRef("pk"), staff=staff)), is_active=True
        )
        # The page of a service says who offers it.
        return ", ".join(["All services that everybody offers", *named.values_list("name", flat=True)])

    @admin.display(description="password")
    def password_state(self, staff: Staff) -> str:
        return describe_password(staff)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        if obj:
            context["show_delete"] = not obj.has_acted
            context["may_be_sent_a_link"] = obj.tenant_id and obj.is_active and self.has_change_permission(request)
            context["has_open_link"] = obj.tenant_id and has_open_link(obj)
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)
