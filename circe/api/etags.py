"""The ETag of a row: a hash of what a GET shows."""

import datetime as dt
from hashlib import blake2b


def etag(updated_at: dt.datetime, shown: str) -> str:
    """Returns a hash that changes with anything in the text `shown` and with `updated_at`, fractions of seconds too."""
    return f'"{blake2b(f"{updated_at.isoformat()}{shown}".encode(), digest_size=16).hexdigest()}"'
