"""Names the customers in the reasons of an import, with links to their pages."""

import re
from collections.abc import Iterator, Sequence

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from customers.admin.actions import link_to_customer
from customers.models import Customer

_CUSTOMER_ID = re.compile(r"(?<=\bCustomer )([0-9a-f]{24})\b")


def name_customers(reasons: Sequence[str]) -> Iterator[SafeString]:
    """Yields the reasons with a link in place of the id of each customer in scope.

    What is stored has ids alone, so that the name of an erased person is not kept with the import.
    """
    ids = {pk for reason in reasons for pk in _CUSTOMER_ID.findall(reason)}
    links = {customer.pk: link_to_customer(customer) for customer in Customer.objects.filter(pk__in=ids)}
    for reason in reasons:
        yield format_html_join("", "{}", ([links.get(part, part)] for part in _CUSTOMER_ID.split(reason)))
