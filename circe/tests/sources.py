"""The packages of Circe, and their files."""

from django.conf import settings

PACKAGES = ("analytics", "appointments", "circe", "customers", "tenants")


def find_files(pattern):
    """Returns the files of all packages, in any folder, whose names match the pattern."""
    return [file for package in PACKAGES for file in (settings.BASE_DIR / package).rglob(pattern)]
