"""Which rows refer to a row, and which of them keep it from being deleted."""

from collections.abc import Iterator

from django.db.models import CASCADE, PROTECT, RESTRICT, SET_NULL, ForeignObjectRel, Model

from circe.backoffice.paging import CappedCount

# So many are counted, and at most so many are deleted or changed with a row in one request.
MAX_COUNTED = 10_000
# What Django does with the rows that refer to one which is deleted. Where it does nothing, the database itself does.
REFUSED, DONE_WITH_IT = (PROTECT, RESTRICT), (CASCADE, SET_NULL)


def references_to(model: type[Model]) -> list[ForeignObjectRel]:
    """The foreign keys, of whichever model, that refer to `model`."""
    fields = model._meta.concrete_model._meta.get_fields(include_hidden=True)
    return [
        field for field in fields if isinstance(field, ForeignObjectRel) and (field.one_to_many or field.one_to_one)
    ]


def blocking_rows(row: Model) -> Iterator[str]:
    """What keeps the row from being deleted, such as `2 outlets` or `10,000+ customers`.

    That is each kind of row that is protected, and each of which too many would be deleted or changed with it. Rows are
    counted up to MAX_COUNTED and not read: there may be millions.
    """
    for reference in references_to(type(row)):
        is_refused = reference.on_delete in REFUSED and not _is_part_of_another(reference)
        if not (is_refused or reference.on_delete in DONE_WITH_IT):
            continue
        rows = reference.related_model._default_manager.filter(**{reference.field.name: row}).order_by()
        found = rows[: MAX_COUNTED + 1].count()
        if found > (0 if is_refused else MAX_COUNTED):
            number = CappedCount(min(found, MAX_COUNTED), and_more=found > MAX_COUNTED)
            options = reference.related_model._meta
            yield f"{number} {options.verbose_name if found == 1 else options.verbose_name_plural}"


def _is_part_of_another(reference: ForeignObjectRel) -> bool:
    """Whether rows of that model are deleted with a row of a third one, which is told already."""
    foreign_keys = [field for field in reference.related_model._meta.fields if field.remote_field]
    return any(field.remote_field.on_delete is CASCADE for field in foreign_keys)
