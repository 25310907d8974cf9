"""The ETag of a row: a hash of what a GET shows."""

from hashlib import blake2b


def etag(updated_at: str, shown: str) -> str:
    """Returns a hash that changes with anything in the text `shown` and with `updated_at`, the time as text."""
    return f'"{blake2b(f"{updated_at}{shown}".encode(), digest_size=16).hexdigest()}"'
