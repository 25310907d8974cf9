"""Defines the pages of the back office that import and export customers."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from tempfile import TemporaryFile
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
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
from django.utils import timezone, translation
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.translation import get_language

from circe.backoffice.regional import format_number
from circe.backoffice.site import opens_own_transactions
from circe.backoffice.widgets import ChoiceWidget
from circe.db.ids import is_id
from customers.admin.actions import link_to_customer
from customers.admin.filters import describe_filters
from customers.admin.import_columns import ColumnsForm
from customers.admin.import_reasons import name_customers
from customers.extensions import export_columns
from customers.models import Customer, CustomerQuerySet
from customers.models.imports import CustomerImport
from customers.transfer import uploads
from customers.transfer.columns import IMPORT_COLUMNS
from customers.transfer.exporting import csv_chunks, export_table, write_workbook
from customers.transfer.importing import OUTCOMES
from customers.transfer.limits import MAX_UPLOAD_BYTES, MB
from customers.transfer.tables import UnreadableFile
from customers.transfer.undoing import import_request_id, undo_import
from customers.transfer.uploads import ImportCapacityExceeded
from tenants.admin.bulk_actions import MAX_LISTED
from tenants.admin.sent_forms import SentBefore, SentForm
from tenants.audit.context import audit_context, current_actor
from tenants.models import Tenant
from tenants.scope import current_scope, current_tenant, enter_scope, tenant_scope

# A workbook is complete before its first byte is sent, so it must not take long. A CSV file is streamed.
MAX_WORKBOOK_CUSTOMERS = 20_000
MAX_FILE_NAME_LENGTH = 150
TEMPLATES = "admin/customers/customer/"
# The page of a run is split at this HTML comment. The progress is streamed between the two parts.
PROGRESS_PLACEHOLDER = "<!-- progress -->"


class UploadForm(forms.Form):
    """Asks for a file, and a super_admin also for the business."""

    tenant = forms.ModelChoiceField(
        Tenant.objects.all(), label="Business", widget=ChoiceWidget(Customer._meta.get_field("tenant"), admin.site)
    )
    file = forms.FileField(
        help_text=(
            f"CSV or Excel (.xlsx), at most {MAX_UPLOAD_BYTES // MB} MB. "
            "The first row, or one below a title, names the columns."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
    )
    update = forms.BooleanField(
        required=False,
        label="Also update existing customers",
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


class ImportExportAdmin(admin.ModelAdmin):
    """Adds to CustomerAdmin the pages of import and export, and two buttons above the list that lead to them.

    The `roles` of the subclass name who may `import` and `export`.
    """

    def get_urls(self) -> list[Any]:
        """Returns the URLs of these pages before the URLs of the model, whose pattern for an id would match them too."""
        pages: list[tuple[str, Any, str]] = [
            ("import/", self.upload_view, "import"),
            ("import/<str:upload_id>/", self.import_view, "import_one"),
            ("import/<str:upload_id>/columns/", self.columns_view, "import_columns"),
            ("import/<str:upload_id>/refused.csv", self.refused_view, "import_refused"),
            ("import/<str:upload_id>/omitted.csv", self.omitted_view, "import_omitted"),
            ("export/", self.export_view, "export"),
            ("export/<str:kind>/", self.export_file_view, "export_file"),
        ]
        own_urls = [
            path(route, self.admin_site.admin_view(view), name=f"customers_customer_{name}")
            for route, view, name in pages
        ]
        return [*own_urls, *super().get_urls()]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "export")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may = {action: self.allows(request, action) for action in ("import", "export")}
        return super().changelist_view(request, {"may": may} | (extra_context or {}))

    # --- import -----------------------------------------------------------------------------------------------------

    # `store_upload` commits before a child process reads the file. So other requests see at once that the upload is in
    # progress, and no transaction is open while the child process works.
    @opens_own_transactions
    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Asks for a file, then stores and checks it."""
        self._require_permission(request, "import")
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file, update = form.cleaned_data["file"], form.cleaned_data["update"]
            try:
                upload = uploads.store_upload(
                    file, name=file.name, update=update, on_created=SentForm(request).keep_once
                )
            except SentBefore as error:
                url = reverse("admin:customers_customer_import_one", args=[error.record.row_id])
                return HttpResponseRedirect(url)
            except (UnreadableFile, ImportCapacityExceeded) as error:
                form.add_error("file", str(error))
            else:
                if upload.needs_columns:
                    return self._redirect_to("import_columns", upload)
                return self._stream_run(request, upload, dry_run=True)
        return self._page(request, "import", "Import customers", form=form, columns=IMPORT_COLUMNS)

    def import_view(self, request: HttpRequest, upload_id: str) -> HttpResponse:
        """Shows the summary of the latest run of an upload, starts the next run, or undoes the import."""
        upload = self._find_upload(request, upload_id)
        if upload is None:
            return self._redirect_to_upload(request)
        if upload.needs_columns:
            return self._redirect_to("import_columns", upload)
        if "undo" in request.POST:
            return self._undo(request, upload)
        if request.method == "POST":
            return self._start_run(request, upload, dry_run="check" in request.POST)
        summary = upload.summary or {}
        refused_rows = summary.get("refused_rows", [])
        return self._page(
            request,
            "import_one",
            upload.file_name,
            upload=upload,
            summary=summary,
            refused_rows=[
                row | {"reason": reason}
                for row, reason in zip(
                    refused_rows, name_customers([row["reason"] for row in refused_rows]), strict=True
                )
            ],
            figures=[(name, summary[name]) for name in OUTCOMES if name in summary],
            # The outcomes whose customers a list shows.
            listed=["created", "updated"] if upload.state == CustomerImport.State.DONE else [],
            asks_undo="ask-undo" in request.GET,
            to_write=summary.get("created", 0) + summary.get("updated", 0),
            in_progress=not CustomerImport.objects.idle().filter(pk=upload.pk).exists(),
        )

    def _undo(self, request: HttpRequest, upload: CustomerImport) -> HttpResponse:
        """Undoes an import, and names each customer who stays as imported, with the reason."""
        if upload.state != CustomerImport.State.DONE:
            messages.error(request, "This import is not done, so it can't be undone yet.")
            return self._redirect_to("import_one", upload)
        try:
            undone, refused = undo_import(upload.pk, by=request.user.pk)
        except ValidationError as error:
            messages.error(request, error.messages[0])
            return self._redirect_to("import_one", upload)
        for customer, reason in refused[:MAX_LISTED]:
            messages.warning(request, format_html("{} stays as imported. {}", link_to_customer(customer), reason))
        if refused[MAX_LISTED:]:
            messages.warning(request, f"{len(refused) - MAX_LISTED} more stay as imported.")
        messages.success(request, f"Undone: {undone}. Customers whom the import had created can be restored.")
        return self._redirect_to("import_one", upload)

    def columns_view(self, request: HttpRequest, upload_id: str) -> HttpResponse:
        """Asks for the target of each column of the file, then checks the file."""
        upload = self._find_upload(request, upload_id)
        if upload is None:
            return self._redirect_to_upload(request)
        if upload.state not in {CustomerImport.State.UPLOADED, CustomerImport.State.CHECKED}:
            return self._redirect_to("import_one", upload)
        form = ColumnsForm(uploads.make_mapping(upload), request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            uploads.decide_columns(upload, form.decisions())
            return self._start_run(request, upload, dry_run=True)
        title = f"Columns of {upload.file_name}"
        return self._page(request, "import_columns", title, upload=upload, form=form, columns=IMPORT_COLUMNS)

    def refused_view(self, request: HttpRequest, upload_id: str) -> HttpResponseBase:
        """Sends the file of the refused rows."""
        return self._send_report(request, upload_id, uploads.REFUSED)

    def omitted_view(self, request: HttpRequest, upload_id: str) -> HttpResponseBase:
        """Sends the file of the cells that were not imported although their rows were."""
        return self._send_report(request, upload_id, uploads.OMITTED)

    def _send_report(self, request: HttpRequest, upload_id: str, kind: str) -> HttpResponseBase:
        upload = self._find_upload(request, upload_id)
        if upload is None:
            return self._redirect_to_upload(request)
        name = slugify(f"{kind} {upload.file_name.rpartition('.')[0]}", allow_unicode=True)
        return _stream_csv(upload.read_parts(kind), f"{name}.csv")

    def _find_upload(self, request: HttpRequest, upload_id: str) -> CustomerImport | None:
        self._require_permission(request, "import")
        upload = (
            CustomerImport.objects.select_related("tenant").filter(pk=upload_id).first() if is_id(upload_id) else None
        )
        if upload:
            enter_scope(upload.tenant)
        return upload

    def _redirect_to_upload(self, request: HttpRequest) -> HttpResponse:
        messages.warning(request, "This file is not kept any more. Upload it again.")
        return HttpResponseRedirect(reverse("admin:customers_customer_import"))

    def _start_run(self, request: HttpRequest, upload: CustomerImport, *, dry_run: bool) -> HttpResponse:
        """Starts a check or an import, and streams its page. Redirects to the page of the upload if it cannot start."""
        try:
            if uploads.mark_run_started(upload, dry_run=dry_run):
                return self._stream_run(request, upload, dry_run=dry_run)
        except ImportCapacityExceeded as error:
            messages.warning(request, str(error))
        return self._redirect_to("import_one", upload)

    def _redirect_to(self, page: str, upload: CustomerImport) -> HttpResponse:
        return HttpResponseRedirect(reverse(f"admin:customers_customer_{page}", args=[upload.pk]))

    def _stream_run(self, request: HttpRequest, upload: CustomerImport, *, dry_run: bool) -> HttpResponse:
        """Streams a page that shows the progress of the run, and at its end redirects to the summary."""
        url = reverse("admin:customers_customer_import_one", args=[upload.pk])
        title = f"{'Checking' if dry_run else 'Importing'} {upload.file_name}"
        page = self._page(request, "import_progress", title, url=url, placeholder=PROGRESS_PLACEHOLDER).render()
        # nginx passes each part on as it comes; otherwise it would wait until a buffer is full.
        headers = {"X-Accel-Buffering": "no"}
        # By this id an undo finds what the import wrote. A check writes nothing that stays.
        who = asdict(current_actor()) | ({} if dry_run else {"request_id": import_request_id(upload.pk)})
        with audit_context(**who):
            body = _keep_scope(_run_with_progress(upload, page.text, dry_run=dry_run, url=url))
        return StreamingHttpResponse(body, headers=headers)

    # --- export -----------------------------------------------------------------------------------------------------

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Shows the number of customers in the filtered list, and links to their files."""
        changelist = self._filtered_list(request)
        if not isinstance(changelist, ChangeList):
            return changelist
        return self._page(
            request,
            "export",
            "Export customers",
            number=changelist.queryset.count(),
            described=describe_filters(changelist),
            filters=request.GET.urlencode(),
            max_workbook_customers=MAX_WORKBOOK_CUSTOMERS,
        )

    def export_file_view(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """Sends the customers of the filtered list as a file. `kind` is csv or xlsx."""
        changelist = self._filtered_list(request)
        if not isinstance(changelist, ChangeList):
            return changelist
        customers, described = changelist.queryset, describe_filters(changelist)
        if kind == "csv":
            return _stream_csv_export(customers, described)
        if kind != "xlsx":
            raise Http404
        if customers[: MAX_WORKBOOK_CUSTOMERS + 1].count() > MAX_WORKBOOK_CUSTOMERS:
            limit = format_number(MAX_WORKBOOK_CUSTOMERS)
            messages.error(request, f"A workbook is made of at most {limit} customers here: filter, or take CSV.")
            return HttpResponseRedirect(f"{reverse('admin:customers_customer_export')}?{request.GET.urlencode()}")
        file = TemporaryFile()  # noqa: SIM115
        about = "; ".join(f"{title}: {text}" for title, text in described) or "all customers"
        write_workbook(file, _export_table(customers), description=f"Exported from Circe: {about}.")
        file.seek(0)
        return FileResponse(file, as_attachment=True, filename=_export_file_name("xlsx", described))

    @admin.action(description="Export selected customers (CSV)", permissions=["export"])
    def export_selected(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponseBase:
        return _stream_csv_export(queryset, [("selected", "")])

    def _filtered_list(self, request: HttpRequest) -> ChangeList | HttpResponse:
        """Returns the list as the URL filters it, or a redirect to the list if a filter in the URL is unknown or wrong."""
        self._require_permission(request, "export")
        try:
            return self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{reverse('admin:customers_customer_changelist')}?{ERROR_FLAG}=1")

    # --- shared -----------------------------------------------------------------------------------------------------

    def _require_permission(self, request: HttpRequest, action: str) -> None:
        if not self.allows(request, action):
            raise PermissionDenied

    def _page(self, request: HttpRequest, name: str, title: str, **context: Any) -> TemplateResponse:
        context |= self.admin_site.each_context(request) | {"opts": self.opts, "title": title}
        return TemplateResponse(request, f"{TEMPLATES}{name}.html", context)


def _run_with_progress(upload: CustomerImport, page: str, *, dry_run: bool, url: str) -> Iterator[str]:
    """Runs the upload. Yields the page with a progress bar for each batch, and a redirect to `url` at the end.

    The style sheet shows each progress bar over the one before.
    """
    before, after = page.split(PROGRESS_PLACEHOLDER)
    yield before
    end, reason = "done", ""
    try:
        with closing(uploads.run_upload(upload, dry_run=dry_run)) as steps:
            for share, summary in steps:
                context = {"percent": round(100 * share), "summary": summary}
                yield render_to_string(f"{TEMPLATES}import_step.html", context)
    except OperationalError:
        end = "database_failed"
    except UnreadableFile as error:
        end, reason = "unreadable", str(error)
    yield render_to_string(f"{TEMPLATES}import_end.html", {"url": url, "end": end, "reason": reason})
    yield after


def _export_table(customers: CustomerQuerySet) -> Iterator[list[Any]]:
    # The list of a super_admin may have customers of several businesses.
    return export_table(customers, with_tenant=current_tenant() is None, more_columns=export_columns)


def _export_file_name(kind: str, described: list[tuple[str, str]]) -> str:
    """Returns the name of the file. It has the filters, but not the text of a search, which is often a person's name."""
    tenant = current_tenant()
    filters = [
        slugify(title if title == "search" else f"{title} {text}", allow_unicode=True) for title, text in described
    ]
    parts = ["customers", tenant.slug if tenant else "all", timezone.localdate().isoformat(), *filters]
    return f"{'-'.join(parts)[:MAX_FILE_NAME_LENGTH].strip('-')}.{kind}"


def _stream_csv_export(customers: CustomerQuerySet, described: list[tuple[str, str]]) -> HttpResponseBase:
    return _stream_csv(csv_chunks(_export_table(customers)), _export_file_name("csv", described))


def _stream_csv(chunks: Iterator[bytes], name: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": content_disposition_header(True, name)}
    body = _keep_scope(_in_one_transaction(chunks))
    return StreamingHttpResponse(body, content_type="text/csv; charset=utf-8", headers=headers)


def _in_one_transaction(chunks: Iterator[bytes]) -> Iterator[bytes]:
    with transaction.atomic():
        yield from chunks


def _keep_scope(chunks: Iterator[Any]) -> Iterator[Any]:
    """Returns the chunks for a streamed response. They are produced after this request's tenant scope, audit context
    and language have ended, so these are opened again for them.
    """
    scope, actor, language = current_scope(), current_actor(), get_language()

    def body() -> Iterator[Any]:
        with tenant_scope(scope), audit_context(**asdict(actor)), translation.override(language):
            yield from chunks

    return body()
