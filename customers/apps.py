"""What customers register with the ground floor when Django starts."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Describes the `conflicts` of a duplicate customer in the OpenAPI document."""

    name = "customers"

    def ready(self) -> None:
        from circe.api.openapi import register_problem_member

        register_problem_member(
            "conflicts",
            {
                "type": "array",
                "description": "The customers in the way, of one's own business.",
                "items": {"$ref": "#/components/schemas/Conflict"},
            },
        )
