"""The settings of the tests, for a database on a cluster that was made before."""

from circe.tests.settings import *
from circe.tests.settings import DATABASES

# Django makes no database of its own, which would be on the coordinator alone.
DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}
