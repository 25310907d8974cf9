"""Fixtures for tests of accounts in the portal: requests, mails and the links in them."""

import re

import pytest
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.db import connection
from rest_framework.test import APIClient

from customers.portal.links import request_link
from customers.tests.factories import CustomerFactory
from customers.tests.sending import send_due
from tenants.models import Tenant
from tenants.scope import ALL_TENANTS, tenant_scope

PORTAL = "/api/v1/portal/lotus"
PASSWORD = "correct horse battery"
NEW_PASSWORD = "another good password"
JANE = {"email": "jane@example.com", "first_name": "Jane", "last_name": "Doe"}


@pytest.fixture
def ask(tenant):
    """Returns a function: `ask("login", {…})` posts to an endpoint of the portal, and returns the answer."""

    def ask(endpoint, body=None, *, client=None, portal=PORTAL, **extra):
        client = client or APIClient(raise_request_exception=False)
        return client.post(f"{portal}/{endpoint}", {} if body is None else body, **extra)

    return ask


@pytest.fixture
def send():
    """Returns a function that sends all mails that are due, and returns them."""

    def send():
        mail.outbox.clear()
        send_due()
        return list(mail.outbox)

    return send


@pytest.fixture
def token_for(ask, send):
    """Returns a function that asks for a mail, and returns the token in it."""

    def token_for(endpoint="register", body=JANE, **extra):
        answer = ask(endpoint, body, **extra)
        assert answer.status_code == 202, answer.content
        (message,) = send()
        return token_in(message)

    return token_for


@pytest.fixture
def registered(tenant):
    """Returns a function that makes a customer who may sign in to the portal."""

    def registered(**values):
        person = {"tenant": tenant, "email": JANE["email"], "email_verified": True, "password": make_password(PASSWORD)}
        return CustomerFactory(**person | values)

    return registered


def token_in(message):
    """The token of the link in the mail's text, which the HTML has too."""
    (token,) = re.findall(r"[?]token=([\w-]+)", message.body)
    assert f"token={token}" in message.alternatives[0][0]
    return token


def mailed_token(tenant, kind, *, email, customer=None, **details):
    """The token of a mail that was asked for and sent."""
    mail.outbox.clear()
    request_link(tenant=tenant, kind=kind, email=email, client_address=None, details=details, customer=customer)
    send_due()
    (message,) = mail.outbox
    return token_in(message)


def suspend(tenant):
    with tenant_scope(ALL_TENANTS):
        Tenant.objects.filter(pk=tenant.pk).update(is_active=False)


def signed_in(pair):
    """A client with this access token."""
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    return client


def statements_of(action):
    """The texts of the statements that the action executes, without their values and the names of savepoints."""
    texts = []

    def record(execute, sql, params, many, context):
        texts.append(re.sub(r"SAVEPOINT \S+", "SAVEPOINT", sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        action()
    return texts
