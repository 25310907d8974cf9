"""Finds the customers who may be the one that reception is about to add."""

from django.contrib.postgres.search import TrigramSimilarity
from django.db.models import CharField, Func, Q, Value

from customers.customer_list import nearest_customers
from customers.models import Customer, SearchableCustomer

MAX_SIMILAR = 3
# The least similarity (0 to 1) of two whole names. Lestari and Lestary are more similar, Rahmawati and Rahayu are less.
MIN_SIMILARITY = 0.6


def find_similar_customers(full_name: str) -> list[Customer]:
    """Returns up to MAX_SIMILAR undeleted customers whose whole name is the same or similar, the most similar first. A
    name of a single word must be the same, since too many people have a similar one.
    """
    folded = Func(Value(full_name), Value(None, CharField()), function="circe_folded_name", output_field=CharField())
    candidates = Q(folded_name=folded)
    if " " in full_name:
        candidates |= Q(pk__in=nearest_customers(full_name, Q()))
    similar = SearchableCustomer.objects.undeleted().filter(candidates)
    ranked = similar.annotate(similarity=TrigramSimilarity("folded_name", folded)).filter(
        similarity__gte=MIN_SIMILARITY
    )
    ids = list(ranked.order_by("-similarity", "-created_at", "-pk").values_list("pk", flat=True)[:MAX_SIMILAR])
    found = Customer.objects.defer("search_text").in_bulk(ids)
    return [found[pk] for pk in ids]
