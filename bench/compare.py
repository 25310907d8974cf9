"""Whether two answers say the same."""

from collections.abc import Iterator
from typing import Any

# When the answer was made, and the explanations that Circe sends along with its statistics.
IGNORED = {"generated_at", "definitions"}


def differences(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """A line for each place at which two JSON values differ, in value, in type, or by a key that one has alone."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs} - IGNORED):
            if key in ours and key in theirs:
                yield from differences(ours[key], theirs[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}: only {'ours' if key in ours else 'theirs'}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(*pair, f"{where}[{index}]")
    elif type(ours) is not type(theirs) or ours != theirs:
        yield f"{where}: {ours!r} is not {theirs!r}"
