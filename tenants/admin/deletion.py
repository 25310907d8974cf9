"""Finds the rows that refer to a row, and which of them prevent its deletion."""

from collections.abc import Iterator

from django.db.models import CASCADE, PROTECT, RESTRICT, SET_NULL, ForeignObjectRel, Model

from circe.backoffice.paging import CappedCount

# The limit of counting, and of rows that are deleted or changed together with a row in one request.
MAX_COUNTED = 10_000
# Django's handlers for rows that refer to a deleted row: they refuse, or delete or change these rows too.
REFUSING, CASCADING = (PROTECT, RESTRICT), (CASCADE, SET_NULL)


def references_to(model: type[Model]) -> list[ForeignObjectRel]:
    """Returns the foreign keys of all models that refer to `model`."""
    fields = model._meta.concrete_model._meta.get_fields(include_hidden=True)
    return [
        field for field in fields if isinstance(field, ForeignObjectRel) and (field.one_to_many or field.one_to_one)
    ]


def describe_blocking_rows(row: Model) -> Iterator[str]:
    """Yields what prevents the deletion of the row, such as `2 outlets` or `10,000+ customers`.

    Rows prevent it if they are protected, or if more than MAX_COUNTED of them would be deleted or changed too. They are
    counted up to MAX_COUNTED and not read, since there may be millions.
    """
    for reference in references_to(type(row)):
        is_refused = reference.on_delete in REFUSING and not _is_part_of_another(reference)
        if not (is_refused or reference.on_delete in CASCADING):
            continue
        rows = reference.related_model._default_manager.filter(**{reference.field.name: row}).order_by()
        found = rows[: MAX_COUNTED + 1].count()
        if found > (0 if is_refused else MAX_COUNTED):
            number = CappedCount(min(found, MAX_COUNTED), and_more=found > MAX_COUNTED)
            options = reference.related_model._meta
            yield f"{number} {options.verbose_name if found == 1 else options.verbose_name_plural}"


def _is_part_of_another(reference: ForeignObjectRel) -> bool:
    """Returns whether rows of that model are deleted with a row of a third model.

    If a business is deleted, the rows of the third model are counted already. For any other row Django's page names the
    rows that prevent the deletion.
    """
    foreign_keys = [field for field in reference.related_model._meta.fields if field.remote_field]
    return any(field.remote_field.on_delete is CASCADE for field in foreign_keys)
