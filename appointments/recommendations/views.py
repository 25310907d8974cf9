"""The endpoint of recommendations."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from appointments.recommendations.documentation import DEFAULT_LIMIT, MAX_LIMIT, OPERATIONS
from appointments.recommendations.rule import recommend
from appointments.recommendations.serializers import RecommendationsSerializer
from circe.api.parameters import get_number_param
from customers.models import Customer
from customers.portal.authentication import CustomerAuthentication
from tenants.accounts.permissions import CUSTOMER, STAFF
from tenants.views import TenantViewSet


class RecommendationViewSet(TenantViewSet):
    """The endpoint of what to offer a customer next."""

    serializer_class = RecommendationsSerializer
    authentication_classes = (CustomerAuthentication,)
    lookup_url_kwarg = "customer_id"
    tag = "Appointments"
    operations = OPERATIONS
    roles = {"retrieve": STAFF | CUSTOMER}

    def get_queryset(self) -> QuerySet[Customer]:
        return Customer.objects.undeleted().select_related("tenant").defer("search_text")

    def retrieve(self, request: Request, customer_id: str) -> Response:
        """Recommends slots that can be booked for the customer, the best first, with the reasons."""
        return answer_recommendations(self.get_object(), request)


def answer_recommendations(customer: Customer, request: Request) -> Response:
    """Answers as many recommendations for the customer as the request asks for."""
    limit = get_number_param(request, "limit", default=DEFAULT_LIMIT, maximum=MAX_LIMIT)
    return Response(RecommendationsSerializer(recommend(customer, limit=limit)).data)
