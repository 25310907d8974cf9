"""The words to which customers agree in the portal and in mails, by version.

The words of a version are never changed, since entries of the ledger name the version. New words get a new version. A
business also has versions of its own, for its paper forms. Their words are on the paper only.
"""

PORTAL_TEXT = "portal-1"
CONFIRMATION_TEXT = "confirmation-1"

TEXTS = {
    PORTAL_TEXT: "I want to get news and offers from this business by this channel. I can change this at any time.",
    CONFIRMATION_TEXT: "Yes, I want to get news and offers from this business by e-mail. I can change this at any time.",
}
