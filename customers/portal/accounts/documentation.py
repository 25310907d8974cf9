"""The documentation of a customer's account in the portal, for the OpenAPI document."""

from circe.api.operations import Example, Operation
from circe.api.serializers import MessageSerializer
from customers.portal.accounts.serializers import (
    EmailSerializer,
    PasswordChangeSerializer,
    PasswordResetSerializer,
    PortalTokenPairSerializer,
    RegistrationSerializer,
    VerificationSerializer,
)
from tenants.accounts.documentation import LOGGED_OUT, REFRESH, TOKENS
from tenants.accounts.serializers import LoginSerializer, RefreshSerializer

MAIL_IS_SENT = "We have sent a mail to this address. Open the link in it to go on."
PASSWORD_IS_SET = "Your password has been changed. Sign in with it."  # noqa: S105 (a sentence)

MAIL: Example = {"message": MAIL_IS_SENT}
EMAIL: Example = {"email": "jane@example.com"}
TOKEN = "<the token of the link>"  # noqa: S105 (an example)
SAME_FOR_ALL = (
    "Whether or not the address is known, the answer is the same and takes the same time: only the mail differs. "
    "At most 5 mails per address and hour, then 429; at most 20 from all businesses together. Very many requests from one "
    "client are a 429 too."
)
LINK_INVALID = (
    "A link that was used, has expired, is of another business or was never sent is always the same 400 `link_invalid`. A "
    "link whose customer has another address or password by now is the same 400. "
    "Many wrong tokens from one client are a 429."
)

ACCOUNT_OPERATIONS = {
    "register": Operation(
        id="registerCustomer",
        summary="Ask for an account",
        description=(
            "The customer is created only when the link in the mail is opened. The person who opens it "
            "chooses the password. "
            "If a walk-in has the address, no customer is created, and the walk-in becomes registered. "
            "A person who has an account is told so by mail. "
            f"{SAME_FOR_ALL}"
        ),
        body=RegistrationSerializer,
        body_examples={"person": EMAIL | {"first_name": "Jane", "last_name": "Doe", "phone": "+6281234567890"}},
        response=MessageSerializer,
        example=MAIL,
        status=202,
        own_errors=(429,),
    ),
    "forgot_password": Operation(
        id="forgetCustomerPassword",
        summary="Ask for a new password",
        description=(
            "Only an active customer gets a mail. One who can sign in chooses a new password by its link. Another one, such "
            f"as a walk-in, gets the mail of a registration. {SAME_FOR_ALL}"
        ),
        body=EmailSerializer,
        body_examples={"address": EMAIL},
        response=MessageSerializer,
        example=MAIL,
        status=202,
        own_errors=(429,),
    ),
    "verify": Operation(
        id="verifyCustomer",
        summary="Open the link of a registration, or of a new address",
        description=(
            "To open the link proves that the mailbox is the customer's. The link of a registration can be opened once, "
            "within 24 hours; it sets the password. "
            "A walk-in with the address becomes registered, with all their history. "
            "A password that is too weak is a 400, and the link can be used again. "
            "The link of a change of address sets the new address. The password stays. "
            "If another customer has the phone number of the registration, the new customer has none until staff decide "
            "whose it is. The answer does not tell that. "
            f"{LINK_INVALID}"
        ),
        body=VerificationSerializer,
        body_examples={"account": {"token": TOKEN, "password": "SecurePass123!"}},
        response=PortalTokenPairSerializer,
        example=TOKENS,
        own_errors=(429,),
    ),
    "reset_password": Operation(
        id="resetCustomerPassword",
        summary="Open the link of a forgotten password",
        description=f"The link can be opened once, within an hour. All sessions of the customer end. {LINK_INVALID}",
        body=PasswordResetSerializer,
        body_examples={"password": {"token": TOKEN, "password": "SecurePass123!"}},
        response=MessageSerializer,
        example={"message": PASSWORD_IS_SET},
        own_errors=(429,),
    ),
    "login": Operation(
        id="loginCustomer",
        summary="Sign in to the portal",
        description=(
            "Wrong password, unknown e-mail, a walk-in without a password, and an unverified, inactive or deleted customer "
            "are the same 401. "
            "At most 10 failures per account and 100 per client in 15 minutes, then 429; a success is never counted."
        ),
        body=LoginSerializer,
        body_examples={"credentials": EMAIL | {"password": "SecurePass123!"}},
        response=PortalTokenPairSerializer,
        example=TOKENS,
        own_errors=(401, 429),
    ),
    "refresh": Operation(
        id="refreshCustomerTokens",
        summary="Get the next pair of tokens of the portal",
        description=(
            "A refresh token can be used once. Parallel requests with it get the same answer for 10 seconds. "
            "If it is used again later, the session ends."
        ),
        body=RefreshSerializer,
        body_examples={"token": REFRESH},
        response=PortalTokenPairSerializer,
        example=TOKENS,
        own_errors=(401,),
    ),
    "logout": Operation(
        id="logoutCustomer",
        summary="Sign out of the portal",
        body=RefreshSerializer,
        body_examples={"token": REFRESH},
        response=MessageSerializer,
        example=LOGGED_OUT,
        own_errors=(401,),
    ),
}

OWN_ACCOUNT_OPERATIONS = {
    "change_email": Operation(
        id="changeCustomerEmail",
        summary="Ask for another e-mail address",
        description=(
            "The address changes when the link in the mail to it is opened (`verify`), within 24 hours. If another customer "
            f"has it, the mail says so, and nobody else learns it. {SAME_FOR_ALL}"
        ),
        body=EmailSerializer,
        body_examples={"address": EMAIL},
        response=MessageSerializer,
        example=MAIL,
        status=202,
        own_errors=(429,),
    ),
    "change_password": Operation(
        id="changeCustomerPassword",
        summary="Change one's own password",
        description="All sessions of the customer end. The answer has the tokens of a new one. A wrong password is counted.",
        body=PasswordChangeSerializer,
        body_examples={"passwords": {"password": "SecurePass123!", "new_password": "AnotherSecurePass456!"}},
        response=PortalTokenPairSerializer,
        example=TOKENS,
        own_errors=(429,),
        # Its answer has tokens, which are not stored; and a repeated request has a wrong password.
        is_idempotent=False,
    ),
}
