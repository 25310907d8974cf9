"""Fixtures and helpers of the tests in a real browser: Debian's chromium, driven by Playwright."""

import os
import shutil
import threading
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest

from tenants.models import Role
from tenants.tests.factories import PASSWORD, UserFactory

# The headless shell has the same engine without the windows, menus and extensions of a desktop: a third less work.
PROGRAMS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
# How long Playwright waits for an element, a page or an answer. A slow machine is no failure.
PATIENCE_MS = 120_000
# Without `preload`, which would fetch style sheets once more, by wrong addresses.
AXE_OPTIONS = {"resultTypes": ["violations"], "preload": False}
# Chosen in the page: the whole result, with every rule that found nothing, would take longer to send than to make.
FIND_VIOLATIONS = """async options => (await axe.run(options)).violations
    .filter(fault => ["serious", "critical"].includes(fault.impact))
    .map(fault => [fault.id, fault.nodes.slice(0, 5).map(node => node.html.slice(0, 200))])"""


def browser_marks(module):
    """Returns the marks of the tests in the module, which stay in one process, so that it starts one browser."""
    return [
        pytest.mark.slow("starts a browser and waits for pages to be drawn"),
        pytest.mark.xdist_group(module),
        pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt install chromium-headless-shell"),
        pytest.mark.django_db(transaction=True),
    ]


@pytest.fixture(scope="module")
def started_chromium():
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, beside which Django refuses its ORM.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        options = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def chromium(started_chromium, live_server):
    """The browser. The test ends with its contexts closed and every request to the server ended.

    A test may end right after a click. The request of that click would otherwise lock the tables while they are emptied, or
    write into those of the next test.
    """
    # An earlier test's client may keep its connection, on which nothing is sent any more.
    earlier = threading.enumerate()
    yield started_chromium
    for context in started_chromium.contexts:
        context.close()
    # Connections are accepted in their order: after this answer, each connection of the test has its thread.
    urllib.request.urlopen(f"{live_server.url}/healthz", timeout=120).close()
    for thread in threading.enumerate():
        if thread not in earlier and "process_request_thread" in thread.name:
            thread.join(timeout=120)
            assert not thread.is_alive(), "A connection of the test has not ended."


def new_page(chromium, live_server, viewport, **options):
    """Returns a page in a browser context of its own."""
    context = chromium.new_context(viewport=viewport, base_url=live_server.url, **options)
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def list_violations(page):
    """Returns the serious faults that axe-core finds on the page, each with the elements."""
    from axe_playwright_python.base import AXE_SCRIPT

    # A page that is examined at several widths gets the script once.
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    return dict(page.evaluate(FIND_VIOLATIONS, AXE_OPTIONS))


def width_of(page):
    """Returns the width of the page's content, once its style sheets are there."""
    page.wait_for_load_state()
    return page.evaluate("document.documentElement.scrollWidth")


def was_aborted(request):
    """Returns whether the browser left the page before the answer."""
    return request.failure == "net::ERR_ABORTED"


@pytest.fixture
def sign_in(chromium, live_server, tenant):
    """Returns a function: `sign_in("staff")` signs a new user in and returns the first page. Errors in it fail the test."""
    from playwright.sync_api import expect

    broken = []

    def watch(response):
        if response.status >= 500 or response.status == 404:
            broken.append(f"{response.status} {response.url}")

    def make(role, *, viewport=DESKTOP):
        user = UserFactory(role=role, tenant=None if role == Role.SUPER_ADMIN else tenant)
        page = new_page(chromium, live_server, viewport)
        page.on("response", watch)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", lambda message: "Security Policy" in message.text and broken.append(message.text))
        page.on("requestfailed", lambda request: was_aborted(request) or broken.append(f"not loaded: {request.url}"))
        page.goto("/admin/")
        page.get_by_label("E-mail").fill(user.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        page.user = user
        return page

    yield make
    assert broken == []


def choose(page, label, text):
    """Chooses a row in an autocomplete field."""
    page.locator(".form-row", has=page.locator("label", has_text=label)).locator(".select2-selection").click()
    term = text.partition(" · ")[0]
    # The box lists rows before the search too. The rows found replace them, perhaps between the halves of a click.
    with page.expect_response(lambda response: parse_qs(urlsplit(response.url).query).get("term") == [term]):
        page.locator(".select2-search__field").fill(term)
    page.locator(".select2-results__options:not(:has(.loading-results))").wait_for()
    page.locator(".select2-results__option", has_text=text).click()
