"""Serializers of log-in bodies, tokens and the caller's own account."""

from rest_framework import serializers

from circe.api.serializers import ModelSerializer, NullableTextField, StringField
from tenants.accounts.passwords import validate_max_password_length
from tenants.identity import email_key
from tenants.models import User


class LoginSerializer(serializers.Serializer):
    """E-mail and password."""

    email = StringField(max_length=254)
    password = StringField(validators=[validate_max_password_length], trim_whitespace=False)

    def validate_email(self, value: str) -> str:
        return email_key(value)


class RefreshSerializer(serializers.Serializer):
    """A refresh token."""

    refresh = StringField(max_length=2000)


class TokenPairSerializer(serializers.Serializer):
    """An access token, good for an hour, and the refresh token that gets the next pair, good for seven days."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class TenantSerializer(serializers.Serializer):
    """The caller's business, with what a client needs to show amounts and times."""

    id = serializers.CharField()
    name = serializers.CharField()
    slug = serializers.CharField()
    time_zone = serializers.CharField()
    currency = serializers.CharField()
    phone_region = serializers.CharField()
    language = serializers.CharField()


class MeSerializer(ModelSerializer):
    """The account of the caller."""

    first_name = NullableTextField()
    last_name = NullableTextField()
    tenant = TenantSerializer(allow_null=True)

    class Meta:
        model = User
        fields = ["id", "email", "first_name", "last_name", "role", "tenant_id", "tenant"]
        read_only_fields = fields
