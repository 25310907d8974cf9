"""Messages that offer to undo what was done: a button that sends the reverse action, which has checks of its own."""

from collections.abc import Iterable

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


def offer_undo(request: HttpRequest, text: str, url: str, fields: Iterable[tuple[str, str]]) -> SafeString:
    """Returns the text of a message with an Undo button, which posts the fields to the URL."""
    inputs = format_html_join("", '<input type="hidden" name="{}" value="{}">', fields)
    token = get_token(request)
    return format_html(
        '{} <form method="post" action="{}" class="undo"><input type="hidden" name="csrfmiddlewaretoken" value="{}">{}'
        '<button type="submit" class="button">Undo</button></form>',
        text,
        url,
        token,
        inputs,
    )
