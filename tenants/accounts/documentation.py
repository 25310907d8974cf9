"""The documentation of signing in and out, for the OpenAPI document."""

from circe.api.operations import Example, Operation
from circe.api.serializers import MessageSerializer
from tenants.accounts.serializers import LoginSerializer, MeSerializer, RefreshSerializer, TokenPairSerializer

REFRESH: Example = {"refresh": "<refresh token>"}
TOKENS: Example = {"access": "<access token>", "refresh": "<refresh token>"}
LOGGED_OUT: Example = {"message": "You have been logged out successfully"}
ME: Example = {
    "id": "507f1f77bcf86cd799439021",
    "email": "staff@example.com",
    "first_name": "Rina",
    "last_name": "Wijaya",
    "role": "staff",
    "tenant_id": "507f1f77bcf86cd799439011",
    "tenant": {
        "id": "507f1f77bcf86cd799439011",
        "name": "Lotus",
        "slug": "lotus",
        "time_zone": "Asia/Jakarta",
        "currency": "IDR",
        "phone_region": "ID",
        "language": "id",
    },
}

TOKEN_OPERATIONS = {
    "login": Operation(
        id="login",
        summary="Sign in",
        description=(
            "Wrong password, unknown e-mail and inactive account are the same 401. At most 10 failures per account and "
            "100 per IP address in 15 minutes, then 429; a success is never counted."
        ),
        body=LoginSerializer,
        body_examples={"credentials": {"email": "staff@example.com", "password": "SecurePass123!"}},
        response=TokenPairSerializer,
        example=TOKENS,
        own_errors=(401, 429),
    ),
    "refresh": Operation(
        id="refreshTokens",
        summary="Get the next pair of tokens",
        description=(
            "A refresh token is good once. Parallel requests with it get the same answer for 10 seconds; used later, "
            "it ends the session."
        ),
        body=RefreshSerializer,
        body_examples={"token": REFRESH},
        response=TokenPairSerializer,
        example=TOKENS,
        own_errors=(401,),
    ),
    "logout": Operation(
        id="logout",
        summary="Sign out",
        body=RefreshSerializer,
        body_examples={"token": REFRESH},
        response=MessageSerializer,
        example=LOGGED_OUT,
        own_errors=(401,),
    ),
}

ME_OPERATIONS = {
    "retrieve": Operation(
        id="getMe",
        summary="Who am I?",
        description=(
            "Role and business are read from the database: a change takes effect at once. "
            "A super_admin has no `tenant`."
        ),
        response=MeSerializer,
        example=ME,
    ),
}
