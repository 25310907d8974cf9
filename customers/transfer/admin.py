"""The admin's pages to import and export customers."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from tempfile import TemporaryFile
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, transaction
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import slugify

from circe.backoffice.widgets import ChoiceWidget
from circe.db.ids import is_id
from customers.models import Customer, CustomerQuerySet
from customers.models.imports import CustomerImport
from customers.transfer import uploads
from customers.transfer.columns import COLUMNS
from customers.transfer.exporting import csv_chunks, header, rows
from customers.transfer.importing import OUTCOMES
from customers.transfer.limits import MAX_UPLOAD_BYTES, MB
from customers.transfer.tables import Unreadable
from customers.transfer.workbooks import write_workbook
from tenants.audit.context import audit_context, current_actor
from tenants.models import Tenant
from tenants.scope import current_scope, current_tenant, enter_scope, tenant_scope

# What is made before the first byte is sent has to be made soon.
MAX_SHEET = 20_000
TEMPLATES = "admin/customers/customer/"
# Where the progress goes in its page.
HERE = "<!-- progress -->"


class UploadForm(forms.Form):
    """A file, and for a super_admin the business that it is for."""

    tenant = forms.ModelChoiceField(
        Tenant.objects.all(), label="Business", widget=ChoiceWidget(Customer._meta.get_field("tenant"), admin.site)
    )
    file = forms.FileField(
        help_text=f"CSV or Excel (.xlsx), at most {MAX_UPLOAD_BYTES // MB} MB. The first row names the columns.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
    )
    update = forms.BooleanField(
        required=False,
        label="Also change customers who are there already",
        help_text="Otherwise they stay as they are, and a row that differs is refused.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if current_tenant():
            del self.fields["tenant"]

    def clean_tenant(self) -> Tenant:
        tenant = self.cleaned_data["tenant"]
        enter_scope(tenant)
        return tenant

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_UPLOAD_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {MAX_UPLOAD_BYTES // MB} MB: split it, or have it imported by import_customers."
            )
        return file


class TransferAdmin(admin.ModelAdmin):
    """For CustomerAdmin: `import` and `export` among its `roles`, two buttons above the list, and the pages behind them."""

    def get_urls(self) -> list[Any]:
        """The pages, before those of the rows."""
        pages: list[tuple[str, Any, str]] = [
            ("import/", self.upload_view, "import"),
            ("import/<str:upload_id>/", self.import_view, "import_one"),
            ("import/<str:upload_id>/refused.csv", self.refused_view, "import_refused"),
            ("export/", self.export_view, "export"),
            ("export/<str:kind>/", self.export_file_view, "export_file"),
        ]
        own = [
            path(route, self.admin_site.admin_view(view), name=f"customers_customer_{name}")
            for route, view, name in pages
        ]
        return [*own, *super().get_urls()]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "export")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may = {verb: self.allows(request, verb) for verb in ("import", "export")}
        return super().changelist_view(request, {"may": may} | (extra_context or {}))

    # --- import -----------------------------------------------------------------------------------------------------

    # Others are to see at once that the file is being worked on.
    @transaction.non_atomic_requests
    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file, and check it. No transaction is open while a child process reads it."""
        self._demand(request, "import")
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                upload = uploads.keep(file, name=file.name, update=form.cleaned_data["update"])
            except (Unreadable, uploads.Busy) as error:
                form.add_error("file", str(error))
            else:
                return self._worked_on(request, upload, dry_run=True)
        return self._page(request, "import", "Import customers", form=form, columns=COLUMNS)

    def import_view(self, request: HttpRequest, upload_id: str) -> HttpResponse:
        """What the check of a file, or its import, came to; and what to do next."""
        upload = self._upload(request, upload_id)
        if upload is None:
            return self._gone(request)
        if request.method == "POST":
            return self._begun(request, upload, dry_run="check" in request.POST)
        report = upload.report or {}
        return self._page(
            request,
            "import_one",
            upload.file_name,
            upload=upload,
            report=report,
            figures=[(name, report[name]) for name in OUTCOMES if name in report],
            to_write=report.get("created", 0) + report.get("updated", 0),
            busy=not CustomerImport.objects.at_rest().filter(pk=upload.pk).exists(),
        )

    def refused_view(self, request: HttpRequest, upload_id: str) -> HttpResponseBase:
        """The refused rows, with the reasons."""
        upload = self._upload(request, upload_id)
        if upload is None:
            return self._gone(request)
        name = f"refused-{slugify(upload.file_name.rpartition('.')[0])}.csv"
        return _download(upload.stored(uploads.REFUSED), name)

    def _upload(self, request: HttpRequest, upload_id: str) -> CustomerImport | None:
        self._demand(request, "import")
        upload = (
            CustomerImport.objects.select_related("tenant").filter(pk=upload_id).first() if is_id(upload_id) else None
        )
        if upload:
            enter_scope(upload.tenant)
        return upload

    def _gone(self, request: HttpRequest) -> HttpResponse:
        messages.warning(request, "This file is not kept any more. Upload it again.")
        return HttpResponseRedirect(reverse("admin:customers_customer_import"))

    def _begun(self, request: HttpRequest, upload: CustomerImport, *, dry_run: bool) -> HttpResponse:
        """The page of `_worked_on`; where the file can't be worked on now, the way back, and why."""
        try:
            if uploads.begin(upload, dry_run=dry_run):
                return self._worked_on(request, upload, dry_run=dry_run)
        except uploads.Busy as busy:
            messages.warning(request, str(busy))
        return HttpResponseRedirect(reverse("admin:customers_customer_import_one", args=[upload.pk]))

    def _worked_on(self, request: HttpRequest, upload: CustomerImport, *, dry_run: bool) -> HttpResponse:
        """A page that grows while the file is worked on, and then leads to the outcome."""
        url = reverse("admin:customers_customer_import_one", args=[upload.pk])
        title = f"{'Checking' if dry_run else 'Importing'} {upload.file_name}"
        page = self._page(request, "import_progress", title, url=url, here=HERE).render()
        before, after = page.text.split(HERE)
        return StreamingHttpResponse(_in_scope(_progress(upload, dry_run, url, before, after)))

    # --- export -----------------------------------------------------------------------------------------------------

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Say how many customers the filters of the list leave, and in which forms they can be had."""
        listed = self._listed(request)
        if not isinstance(listed, CustomerQuerySet):
            return listed
        return self._page(
            request,
            "export",
            "Export customers",
            number=listed.count(),
            filters=request.GET.urlencode(),
            most=MAX_SHEET,
        )

    def export_file_view(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """The customers that the filters of the list leave."""
        listed = self._listed(request)
        if not isinstance(listed, CustomerQuerySet):
            return listed
        if kind == "csv":
            return _csv(listed)
        if kind != "xlsx":
            raise Http404
        if listed[: MAX_SHEET + 1].count() > MAX_SHEET:
            messages.error(request, f"A workbook is made of at most {MAX_SHEET:,} customers here: filter, or take CSV.")
            return HttpResponseRedirect(f"{reverse('admin:customers_customer_export')}?{request.GET.urlencode()}")
        file = TemporaryFile()  # noqa: SIM115
        write_workbook(file, _table(listed))
        file.seek(0)
        return FileResponse(file, as_attachment=True, filename=_file_name("xlsx"))

    @admin.action(description="Export selected customers (CSV)", permissions=["export"])
    def export_selected(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponseBase:
        return _csv(queryset)

    def _listed(self, request: HttpRequest) -> CustomerQuerySet | HttpResponse:
        """The customers that the list would show on all its pages; for filters that it does not have, the way there."""
        self._demand(request, "export")
        try:
            return self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:customers_customer_changelist"))

    # --- both -------------------------------------------------------------------------------------------------------

    def _demand(self, request: HttpRequest, verb: str) -> None:
        if not self.allows(request, verb):
            raise PermissionDenied

    def _page(self, request: HttpRequest, name: str, title: str, **context: Any) -> TemplateResponse:
        context |= self.admin_site.each_context(request) | {"opts": self.opts, "title": title}
        return TemplateResponse(request, f"{TEMPLATES}{name}.html", context)


def _progress(upload: CustomerImport, dry_run: bool, url: str, before: str, after: str) -> Iterator[str]:
    """The page: its beginning, a bar for each step, each over the one before, the way to the outcome, its end."""
    yield before
    outcome, reason = "done", ""
    try:
        with closing(uploads.work(upload, dry_run=dry_run)) as steps:
            for done, report in steps:
                yield render_to_string(f"{TEMPLATES}import_step.html", {"percent": round(100 * done), "report": report})
    except OperationalError:
        outcome = "stopped"
    except Unreadable as error:
        outcome, reason = "unreadable", str(error)
    yield render_to_string(f"{TEMPLATES}import_end.html", {"url": url, "outcome": outcome, "reason": reason})
    yield after


def _table(customers: CustomerQuerySet) -> Iterator[list[Any]]:
    # A super_admin's list may hold the customers of several businesses.
    with_tenant = current_tenant() is None
    yield header(with_tenant=with_tenant)
    yield from rows(customers, with_tenant=with_tenant)


def _csv(customers: CustomerQuerySet) -> HttpResponseBase:
    return _download(csv_chunks(_table(customers)), _file_name("csv"))


def _file_name(kind: str) -> str:
    tenant = current_tenant()
    return f"customers-{tenant.slug if tenant else 'all'}-{timezone.localdate()}.{kind}"


def _download(chunks: Iterator[bytes], name: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    body = _in_scope(_at_one_moment(chunks))
    return StreamingHttpResponse(body, content_type="text/csv; charset=utf-8", headers=headers)


def _at_one_moment(chunks: Iterator[bytes]) -> Iterator[bytes]:
    with transaction.atomic():
        yield from chunks


def _in_scope(chunks: Iterator[Any]) -> Iterator[Any]:
    """A body made in the scope and by the person of now: it is produced after both have ended."""
    scope, actor = current_scope(), current_actor()

    def body() -> Iterator[Any]:
        with tenant_scope(scope), audit_context(**asdict(actor)):
            yield from chunks

    return body()
