"""The page "Mails" of a demo."""

import pytest
from django.core.mail import get_connection

from customers.messages.mail import Mail, build_email
from tenants.tests.factories import TenantFactory

pytestmark = pytest.mark.django_db
PAGE = "/admin/mails/"
EVIL = "<script>alert(1)</script> javascript:alert(1) https://circe.test/confirm?token=abc&x=<b>"


@pytest.fixture
def keep(settings, tmp_path):
    """Returns a function that keeps a mail of a business as a demo does."""
    settings.MAIL_FOLDER, settings.EMAIL_BACKEND = tmp_path, "circe.demo.mails.mailbox.MailboxBackend"

    def keep(tenant, subject, text="Hello"):
        mail = Mail("jane@example.com", subject, text, "<p>in HTML</p>", "en")
        get_connection().send_messages([build_email(mail, tenant)])

    return keep


def test_people_see_the_mails_of_their_own_business_as_text(keep, back_office, tenant, other_tenant):
    keep(tenant, "For Lotus <b>", EVIL)
    keep(other_tenant, "For Nordlys")
    page = back_office("staff").get(PAGE)
    assert page.status_code == 200
    content = page.content.decode()
    assert "For Lotus &lt;b&gt;" in content
    assert "For Nordlys" not in content
    assert "<script>alert" not in content
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in content
    assert '<a href="https://circe.test/confirm?token=abc&amp;x=' in content
    assert 'href="javascript' not in content
    assert "in HTML" not in content
    everybody = back_office("super_admin").get(PAGE).content.decode()
    assert "For Lotus" in everybody
    assert "For Nordlys" in everybody


def test_the_page_needs_a_sign_in_and_exists_only_where_mails_are_kept(keep, back_office, client, settings):
    assert client.get(PAGE)["Location"] == f"/admin/login/?next={PAGE}"
    assert back_office("staff").get(PAGE).status_code == 200
    settings.EMAIL_BACKEND = "customers.messages.transport.SMTPBackend"
    assert back_office("staff").get(PAGE).status_code == 404


def test_the_name_of_a_business_leads_to_no_other_folder(keep, tmp_path):
    tenant = TenantFactory(name="../../etc\r\nX-Circe-Business: x")
    keep(tenant, "One\r\nX-Circe-Business: x")
    (file,) = tmp_path.rglob("*.eml")
    assert file.parent == tmp_path / tenant.pk
