"""Serializers of a customer's account in the portal."""

from typing import Any

from rest_framework import serializers

from circe.api.serializers import ModelSerializer, StringField
from customers.models import Customer
from tenants.accounts.passwords import validate_max_password_length
from tenants.accounts.serializers import TokenPairSerializer
from tenants.identity import clean_email

MAX_TOKEN_LENGTH = 200


class PasswordField(StringField):
    """A password as it was typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, validators=[validate_max_password_length], **kwargs)


class EmailSerializer(serializers.Serializer):
    """An e-mail address."""

    email = StringField(max_length=254)

    def validate_email(self, value: str) -> str:
        return clean_email(value)


class RegistrationSerializer(ModelSerializer):
    """The data that a person gives when they register. It has no password: the person who opens the mail chooses
    it.
    """

    class Meta:
        model = Customer
        fields = ["email", "first_name", "last_name", "phone", "language"]
        extra_kwargs = {
            "email": {"required": True, "allow_null": False, "allow_blank": False},
            "language": {
                "required": False,
                "help_text": "The language of all mails to the person. Absent: the language of the business.",
            },
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Returns the values in the form in which a customer has them, without those that are empty."""
        person = Customer(**attrs)
        person.clean()
        return {name: getattr(person, name) for name in attrs if getattr(person, name)}


class VerificationSerializer(serializers.Serializer):
    """The token of a mailed link, and the password of the new account."""

    token = StringField(max_length=MAX_TOKEN_LENGTH)
    password = PasswordField(
        required=False,
        allow_null=True,
        help_text="Required with the link of a registration. Ignored with that of a change of address: the password stays.",
    )


class PasswordResetSerializer(serializers.Serializer):
    """The token of a mailed link, and a new password."""

    token = StringField(max_length=MAX_TOKEN_LENGTH)
    password = PasswordField()


class PasswordChangeSerializer(serializers.Serializer):
    """The present password and a new one."""

    password = PasswordField(help_text="The present password.")
    new_password = PasswordField()


class PortalTokenPairSerializer(TokenPairSerializer):
    """An access token, good for 15 minutes, and the refresh token that gets the next pair, good for 30 days."""
