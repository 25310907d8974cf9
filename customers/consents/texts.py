"""The words to which customers agree in the portal and in mails, by version.

A version is never changed, since entries of the ledger name it: new words get a new one. Businesses have further versions,
of their own papers; their words are on the paper.
"""

PORTAL_TEXT = "portal-1"
CONFIRMATION_TEXT = "confirmation-1"

TEXTS = {
    PORTAL_TEXT: "I want to get news and offers from this business by this channel. I can change this at any time.",
    CONFIRMATION_TEXT: "Yes, I want to get news and offers from this business by e-mail. I can change this at any time.",
}
