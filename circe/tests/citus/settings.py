"""The settings of the tests on a cluster, whose database `__main__` has created."""

from circe.tests.settings import *
from circe.tests.settings import DATABASES

# Otherwise Django would create a test database, on the coordinator alone.
DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}
