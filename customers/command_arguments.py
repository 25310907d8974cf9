"""How the commands are told which customers are meant."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.exceptions import ValidationError

from circe.db.ids import is_id
from customers.models import Customer, CustomerQuerySet
from tenants.commands import UsageError
from tenants.identity import clean_phone, email_key


def id_argument(text: str) -> str:
    """A customer's id."""
    if not is_id(text.strip().lower()):
        raise ArgumentTypeError(f"{text!r} is no id: it has 24 hex digits")
    return text.strip().lower()


def email_argument(text: str) -> str:
    """An e-mail address in any spelling, as it is compared."""
    try:
        return email_key(text)
    except ValidationError as error:
        raise ArgumentTypeError(f"{text!r} is no e-mail address") from error


def add_person(parser: ArgumentParser) -> None:
    """Exactly one of `--id`, `--email` and `--phone`."""
    whom = parser.add_mutually_exclusive_group(required=True)
    whom.add_argument("--id", type=id_argument, help="one customer, soft-deleted or not")
    whom.add_argument("--email", type=email_argument, help="all with this e-mail address, soft-deleted ones too")
    whom.add_argument("--phone", help="all with this phone number, in any spelling, soft-deleted ones too")


def person(options: dict[str, Any]) -> CustomerQuerySet:
    """The person's rows in scope, by the options of `add_person`. Raises UsageError where the phone number is none."""
    if options["id"]:
        return Customer.objects.filter(pk=options["id"]).order_by("pk")
    if options["email"]:
        return Customer.objects.filter(email_key=options["email"]).order_by("pk")
    try:
        return Customer.objects.filter(phone=clean_phone(options["phone"])).order_by("pk")
    except ValidationError as error:
        raise UsageError(f"--phone {options['phone']}: {error.message}") from error


def nobody(options: dict[str, Any]) -> str:
    """A sentence for a person who was not found."""
    what = "id" if options["id"] else "e-mail address" if options["email"] else "phone number"
    return f"nobody: no customer has this {what}"
