"""Faults of the accounts in the customers' portal."""

from mutants.faults import Fault

TESTS = "customers/portal/tests"
REGISTRATION, SIGNING_IN = f"{TESTS}/test_registration.py", f"{TESTS}/test_signing_in.py"
ADDRESS, KNOWN = f"{TESTS}/test_changing_address.py", f"{TESTS}/test_known_and_unknown.py"
REQUESTS, RACES = f"{TESTS}/test_mail_requests.py", f"{TESTS}/test_races.py"
LINKS, MAILS = "customers/portal/links.py", "customers/portal/mails.py"
SESSIONS, THROTTLING = "customers/models/portal.py", "tenants/accounts/throttling.py"

PORTAL_FAULTS = [
    # --- links ----------------------------------------------------------------------------------------------------------
    Fault("a link is good twice", LINKS, 'is_open = {"used_at": None, ', "is_open = {", ADDRESS),
    Fault(
        "a link is good for ever",
        LINKS,
        '{"used_at": None, "expires_at__gt": timezone.now()}',
        '{"used_at": None}',
        REGISTRATION,
    ),
    Fault(
        "a link outlives the address and the password it was made for",
        LINKS,
        " or link.bound_to != binding(link, customer)",
        "",
        f"{REGISTRATION} {ADDRESS}",
    ),
    Fault(
        "a link opens an inactive customer's account",
        LINKS,
        " or (customer and not customer.is_active)",
        "",
        f"{REGISTRATION} {ADDRESS}",
    ),
    Fault(
        "the link of a deleted walk-in makes a new customer",
        LINKS,
        "is_lost = link.customer_id is not None and customer is None",
        "is_lost = False",
        f"{REGISTRATION} {ADDRESS}",
    ),
    Fault(
        "parallel openings of one link",
        LINKS,
        'MailedLink.objects.select_for_update(of=("self",))',
        "MailedLink.objects.all()",
        RACES,
    ),
    Fault(
        "who has just come is not claimed",
        LINKS,
        "REGISTRATION_ATTEMPTS = 3",
        "REGISTRATION_ATTEMPTS = 1",
        RACES,
    ),
    Fault(
        "a weak password is taken",
        LINKS,
        "        validate_password(password)\n",
        "        pass\n",
        f"{REGISTRATION} {ADDRESS}",
    ),
    Fault(
        "a wrong token is not counted",
        LINKS,
        "    result = count_failures(attempt, kind=Guess.LINK, address=client_address)\n",
        "    result = attempt()\n",
        SIGNING_IN,
    ),
    Fault(
        "the token itself is stored",
        LINKS,
        "return sha256(token.encode()).hexdigest()",
        "return token",
        REQUESTS,
    ),
    Fault(
        "a phone that another customer has stops the registration",
        LINKS,
        "    is_taken = phone is not None and Customer",
        "    is_taken = phone is None and Customer",
        REGISTRATION,
    ),
    Fault(
        "the request looks up who is known",
        LINKS,
        "        MailedLink.objects.create(\n            kind=kind,\n",
        "        if not Customer.objects.filter(email_key=key).exists():\n            return\n"
        "        MailedLink.objects.create(\n            kind=kind,\n",
        f"{KNOWN} {REGISTRATION}",
    ),
    Fault(
        "requests for one address are not counted one by one",
        LINKS,
        "    lock_in_turn(AdvisoryLock.LINK_ADDRESS, address)\n",
        "",
        RACES,
    ),
    Fault(
        "requests of one client are not counted one by one",
        LINKS,
        "        lock_in_turn(AdvisoryLock.LINK_CLIENT, client_address)\n",
        "        pass\n",
        RACES,
    ),
    Fault(
        "a client asks for mails without end",
        LINKS,
        "raise_if_too_many(requests.filter(client_address=client_address), MAILS_PER_CLIENT, **limits)",
        "pass",
        REQUESTS,
    ),
    Fault(
        "requests are kept for ever",
        LINKS,
        "        MailedLink.objects.filter(created_at__lte=now - KEPT).delete()\n",
        "",
        REQUESTS,
    ),
    Fault(
        "a new address is not verified",
        LINKS,
        '    customer.change({"email_verified": True})\n',
        "",
        ADDRESS,
    ),
    Fault(
        "the former address learns nothing",
        LINKS,
        "    MailedLink.objects.create(kind=Kind.EMAIL_CHANGED",
        "    MailedLink(kind=Kind.EMAIL_CHANGED",
        ADDRESS,
    ),
    Fault(
        "an address in use is asked to be confirmed",
        MAILS,
        "return CHANGE_EMAIL if owner in (None, link.customer) else EMAIL_TAKEN",
        "return CHANGE_EMAIL",
        ADDRESS,
    ),
    Fault(
        "an inactive customer gets a link",
        MAILS,
        "if text is None or (reader and not reader.is_active):",
        "if text is None:",
        REGISTRATION,
    ),
    # --- who is let in --------------------------------------------------------------------------------------------------
    Fault(
        "an unverified customer signs in",
        "customers/models/customer.py",
        "return self.has_password and self.email_verified and self.is_active",
        "return self.has_password and self.is_active",
        SIGNING_IN,
    ),
    Fault(
        "an unknown address is refused at once",
        "customers/models/querysets.py",
        "            imitate_password_check(password)\n",
        "",
        SIGNING_IN,
    ),
    Fault(
        "a log-in of a customer outruns the new password",
        SESSIONS,
        ".get(pk=customer.pk, password=customer.password)",
        ".get(pk=customer.pk)",
        RACES,
    ),
    Fault(
        "a customer who may not sign in goes on refreshing",
        "tenants/models/session.py",
        "if session is None or not session.owner.may_sign_in:",
        "if session is None:",
        SIGNING_IN,
    ),
    Fault(
        "an expired session is kept for ever",
        SESSIONS,
        '        cls.objects.filter(customer=customer.pk, rotated_at__lte=now - PORTAL_LIFETIMES["refresh"]).delete()\n',
        "",
        SIGNING_IN,
    ),
    Fault(
        "guesses at customers shut staff out",
        THROTTLING,
        "LoginFailure.objects.filter(kind=kind)",
        "LoginFailure.objects.all()",
        SIGNING_IN,
    ),
    Fault(
        "guesses in one portal shut the customers of another out",
        "tenants/models/session.py",
        'return f"{tenant_id}:{email_key}"',
        "return str(email_key)",
        SIGNING_IN,
    ),
    Fault(
        "a customer's failed log-ins outlive them",
        "customers/models/customer.py",
        "    accounts |= {portal_account(customer.tenant_id, customer.email_key) for customer in customers}\n",
        "",
        SIGNING_IN,
    ),
    Fault(
        "a customer's sessions survive a new password",
        "customers/migrations/0008_portal.py",
        "WHEN (old.password IS DISTINCT FROM new.password)",
        "WHEN (false)",
        SIGNING_IN,
    ),
    Fault(
        "a customer's sessions survive that the password is taken away",
        "customers/migrations/0008_portal.py",
        "WHEN (old.password IS DISTINCT FROM new.password)",
        "WHEN (old.password <> new.password)",
        SIGNING_IN,
    ),
    Fault(
        "a name of nothing breaks the portal",
        "customers/portal/authentication.py",
        'r"[-a-zA-Z0-9_]{1,50}\\Z"',
        'r"(?s).*"',
        SIGNING_IN,
    ),
]
