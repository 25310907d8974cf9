"""Faults in the ledger of consents and in the decision about messages."""

from mutants.faults import Fault

SQL = "customers/migrations/0007_consents.py"
LEDGER = "customers/tests/test_consent_ledger.py"
CONSENTS = "customers/tests/test_consents.py"
DECISION = "customers/tests/test_message_decision.py"

CONSENT_FAULTS = [
    Fault(
        "the application may change an entry of the ledger",
        SQL,
        "REVOKE UPDATE, DELETE ON customers_consent FROM circe_app;",
        "SELECT 1;",
        LEDGER,
    ),
    Fault(
        "who has the right changes an entry of the ledger",
        SQL,
        "CREATE OR REPLACE TRIGGER circe_keep_consents BEFORE UPDATE OR DELETE",
        "CREATE OR REPLACE TRIGGER circe_keep_consents BEFORE DELETE",
        LEDGER,
    ),
    Fault(
        "who has the right empties the ledger",
        SQL,
        "    IF NOT pg_has_role(",
        "    IF false AND NOT pg_has_role(",
        LEDGER,
    ),
    Fault(
        "anybody deletes entries by a trigger of their own",
        SQL,
        "REVOKE EXECUTE ON FUNCTION public.circe_delete_consents FROM public;",
        "",
        LEDGER,
    ),
    Fault(
        "two entries at the same moment do not see each other",
        SQL,
        "    FOR NO KEY UPDATE;",
        "    ;",
        LEDGER,
    ),
    Fault(
        "an import grants what was withdrawn",
        SQL,
        "IF NEW.source = 'import' AND NEW.state = 'granted' AND latest.state = 'withdrawn' THEN",
        "IF false THEN",
        "customers/tests/test_import_consents.py",
    ),
    Fault(
        "an entry of reception wins over a withdrawal at the same moment",
        SQL,
        "        ORDER BY entries.at DESC, entries.state DESC\n        LIMIT 1\n    ) AS latest ON true",
        "        ORDER BY entries.at DESC, entries.state\n        LIMIT 1\n    ) AS latest ON true",
        CONSENTS,
    ),
    Fault(
        "one channel that is granted is the consent to marketing",
        SQL,
        "bool_and(is_granted) FILTER (WHERE purpose = 'marketing')",
        "bool_or(is_granted) FILTER (WHERE purpose = 'marketing')",
        CONSENTS,
    ),
    Fault(
        "a withdrawal leaves the second of updated_at",
        SQL,
        "NEW.updated_at := greatest(NEW.updated_at, date_trunc('second', OLD.updated_at) + interval '1 second');",
        "NEW.updated_at := NEW.updated_at;",
        CONSENTS,
    ),
    Fault(
        "a body that was read before a withdrawal grants",
        "customers/models/customer.py",
        "        stale = find_stale_grants(self, changes, seen_at)\n",
        "        stale = find_stale_grants(self, changes, None)\n",
        CONSENTS,
    ),
    Fault(
        "marketing_consent false leaves single channels",
        "customers/models/customer.py",
        "            if withdraws_marketing:\n",
        "            if False:\n",
        CONSENTS,
    ),
    Fault(
        "an import writes over a withdrawal without a word",
        "customers/transfer/matching.py",
        "        if name in self.withdrawn[existing.pk]:\n",
        "        if False:\n",
        "customers/tests/test_import_consents.py",
    ),
    Fault(
        "an import grants marketing by every channel, whatever the column is about",
        "customers/transfer/matching.py",
        "(row.consent or row.marketing_channels != {*Channel})",
        "row.consent",
        "customers/tests/test_import_consents.py",
    ),
    Fault(
        "a link from before a withdrawal grants",
        "customers/consents/ledger.py",
        "or not has_granted_marketing_by_email(customer)",
        "or False",
        CONSENTS,
    ),
    Fault(
        "each consent asks for one more mail",
        SQL,
        "AND waiting.kind = 'confirm_marketing' AND waiting.state = 'queued'",
        "AND false",
        CONSENTS,
    ),
    Fault(
        "staff record what a customer says in the portal",
        "customers/consents/serializers.py",
        "STAFF_SOURCES = [ConsentSource.RECEPTION, ConsentSource.PAPER]",
        "STAFF_SOURCES = list(ConsentSource)",
        CONSENTS,
    ),
    Fault(
        "reception lifts the block of an erased address",
        "customers/messages/decision.py",
        "        source__in=[ConsentSource.PORTAL, ConsentSource.LINK],\n",
        "",
        DECISION,
    ),
    Fault(
        "quiet hours over midnight are none",
        "customers/messages/decision.py",
        "else clock >= start or clock < end",
        "else clock >= start and clock < end",
        DECISION,
    ),
    Fault(
        "quiet hours end a day late where clocks go back",
        "customers/messages/decision.py",
        "sorted(first + second)",
        "sorted(first)",
        DECISION,
    ),
    Fault(
        "an unverified address gets marketing",
        "customers/messages/decision.py",
        "lambda facts: facts.is_verified,",
        "lambda facts: True,",
        DECISION,
    ),
    Fault(
        "erasure blocks nothing",
        "customers/management/commands/erase_customer.py",
        "blocked = block_marketing(customers, only_refused=False)",
        "blocked = block_marketing(customers, only_refused=True)",
        DECISION,
    ),
    Fault(
        "a form that was opened before a withdrawal grants it anew",
        "customers/admin/forms.py",
        "self.consents_seen != self.consents_now",
        "False",
        "customers/tests/test_admin_consents.py",
    ),
]
