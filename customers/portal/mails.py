"""Composes the mails with links: which mail a request gets, the token of its link, and the text.

The templates are customers/portal/mails/<name>.txt and .html, and <name>_subject.txt.
"""

from customers.messages.mail import Mail
from customers.models import MailedLink


def compose_link_mail(link: MailedLink) -> Mail | None:
    """Returns the mail that the request gets, or None where nobody is to be written to.

    It sets the fields of the link that are known only now: `customer`, `kind`, `token_hash`, `bound_to` and `expires_at`.
    The caller stores them.
    """
    raise NotImplementedError
