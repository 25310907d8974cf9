"""Recommends appointments to a customer by a fixed rule. The OpenAPI document tells all of it (`documentation.py`)."""

from appointments.recommendations.rule import Recommendations, recommend

__all__ = ["Recommendations", "recommend"]
