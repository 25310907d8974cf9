"""The endpoint of the decision about a message."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from customers.customer_list import find_etag
from customers.messages.decision import decide
from customers.messages.documentation import OPERATIONS
from customers.messages.serializers import DecisionQuestionSerializer, DecisionSerializer
from customers.models import Customer
from tenants.accounts.permissions import STAFF
from tenants.views import TenantViewSet


class DecisionViewSet(TenantViewSet):
    """The endpoint that decides whether a customer may be sent a message. It changes nothing."""

    serializer_class = DecisionSerializer
    lookup_url_kwarg = "customer_id"
    tag = "Messages"
    operations = OPERATIONS
    roles = {"decide": STAFF}

    def get_queryset(self) -> QuerySet[Customer]:
        return Customer.objects.undeleted().select_related("tenant").defer("search_text")

    def get_etag(self, customer: Customer) -> str | None:
        return find_etag(customer.pk)

    def decide(self, request: Request, customer_id: str) -> Response:
        """Decides whether the customer may be sent a message now or at another time, and by which channel."""
        customer = self.get_object()
        asked = DecisionQuestionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(DecisionSerializer(decide(customer, **asked.validated_data)._asdict()).data)
