"""The forms and messages of the admin, as a browser sends and shows them."""

from html.parser import HTMLParser

from django.contrib.messages import get_messages


class Form(HTMLParser):
    """Reads the form for a row in a page."""

    def __init__(self, page):
        super().__init__()
        self.values, self._inside, self._select, self._textarea = {}, False, None, None
        self.feed(page)

    def _add(self, name, value):
        # However a line ended in the page.
        self.values.setdefault(name, []).append("\r\n".join(value.splitlines()))

    def handle_starttag(self, tag, pairs):
        given = dict(pairs)
        if tag == "form":
            self._inside = given.get("id", "").endswith("_form")
        elif not self._inside:
            return
        elif tag == "select":
            self._select = given.get("name")
        elif tag == "option" and self._select and "selected" in given:
            self._add(self._select, given["value"])
        elif tag == "textarea":
            self._textarea = [given["name"], ""]
        elif tag == "input" and given.get("name") and given.get("type") not in {"submit", "file"}:
            is_box = given.get("type") == "checkbox"
            if not is_box or "checked" in given:
                self._add(given["name"], given.get("value", "on" if is_box else ""))

    def handle_data(self, data):
        if self._textarea:
            self._textarea[1] += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self._textarea:
            self._add(self._textarea[0], self._textarea[1].removeprefix("\n"))
            self._textarea = None
        elif tag == "form":
            self._inside = False


def sent_by(response):
    """Returns the fields that a browser sends of the page's form when nothing is typed: name to values."""
    return Form(response.content.decode()).values


def opened(browser, page):
    """Opens the page. Returns the fields that the browser sends of its form when nothing is typed."""
    response = browser.get(page)
    assert response.status_code == 200, response
    return sent_by(response)


def messages_without_undo(response):
    """Returns the messages of a response, as pairs of level and text. The texts have no Undo button."""
    shown = [(message.level_tag, str(message)) for message in get_messages(response.wsgi_request)]
    return [(level, text.partition(" <form")[0]) for level, text in shown]
