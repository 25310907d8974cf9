"""Arguments of commands that name a customer."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.exceptions import ValidationError

from circe.db.ids import is_id
from customers.models import Customer, CustomerQuerySet
from tenants.commands import UsageError
from tenants.identity import clean_phone, email_key


def id_argument(text: str) -> str:
    """Returns a customer's id. Raises ArgumentTypeError if the text is no id."""
    if not is_id(text.strip().lower()):
        raise ArgumentTypeError(f"{text!r} is no id: it has 24 hex digits")
    return text.strip().lower()


def email_argument(text: str) -> str:
    """Returns an e-mail address in the form in which it is compared. Raises ArgumentTypeError if the text is no e-mail
    address.
    """
    try:
        return email_key(text)
    except ValidationError as error:
        raise ArgumentTypeError(f"{text!r} is no e-mail address") from error


def add_customer_arguments(parser: ArgumentParser) -> None:
    """Adds the options `--id`, `--email` and `--phone`. Exactly one of them must be given."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--id", type=id_argument, help="one customer, soft-deleted or not")
    group.add_argument("--email", type=email_argument, help="all with this e-mail address, soft-deleted ones too")
    group.add_argument("--phone", help="all with this phone number, in any spelling, soft-deleted ones too")


def find_customers(options: dict[str, Any]) -> CustomerQuerySet:
    """Returns the customers in scope whom the options name. Raises UsageError if the phone number is not valid."""
    if options["id"]:
        return Customer.objects.filter(pk=options["id"]).order_by("pk")
    if options["email"]:
        return Customer.objects.filter(email_key=options["email"]).order_by("pk")
    try:
        return Customer.objects.filter(phone=clean_phone(options["phone"])).order_by("pk")
    except ValidationError as error:
        raise UsageError(f"--phone {options['phone']}: {error.message}") from error


def not_found_message(options: dict[str, Any]) -> str:
    """Returns the message that no customer was found."""
    what = "id" if options["id"] else "e-mail address" if options["email"] else "phone number"
    return f"the request: no customer has this {what}"
