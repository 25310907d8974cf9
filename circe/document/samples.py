"""Adds to each operation a request in curl, Python and JavaScript, and to each parameter an example.

They call SERVER_IN_SAMPLES. The server replaces it by its own address when it sends the document.
"""

import json
import pprint
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from circe.api.document_pages import SERVER_IN_SAMPLES
from circe.api.operations import SAMPLE_QUERY_EXTENSION

Schema = dict[str, Any]

ACCESS_TOKEN = "<access token>"  # noqa: S105
KEY_HEADER = "Idempotency-Key"
_DAY, _AMOUNT = "2025-01-31", 350000
PARAMETER_EXAMPLES: dict[str, Any] = {
    "Idempotency-Key": "6f1f0a3e-4f0b-4c8e-9d59-0c7c3c1f1a11",
    "If-Match": '"5d41402abc4b2a76b9719d911017c592"',
    "at": "2025-01-31T10:30:00Z",
    "appointment_id": "507f1f77bcf86cd799439040",
    "category": "hair",
    "created_from": "2025-01-01",
    "created_to": "2025-12-31",
    "customer_id": "507f1f77bcf86cd799439011",
    "from_date": _DAY,
    "last_visit_from": "2025-01-01",
    "last_visit_to": "2025-12-31",
    "limit": 5,
    "next": "WyJjdXN0b21lcnMiLDE3MzczNjcyMDAwMDAwMDAsIjUwN2YxZjc3YmNmODZjZDc5OTQzOTAxMSIsbnVsbF0",
    "outlet_id": "507f1f77bcf86cd799439022",
    "page": 1,
    "search": "John",
    "service_id": "507f1f77bcf86cd799439020",
    "size": 20,
    "source": "website",
    "staff_id": "507f1f77bcf86cd799439021",
    "tags": ["vip", "regular"],
    "tenant_id": "507f1f77bcf86cd799439010",
    "tenant_slug": "lotus",
    "time_off_id": "507f1f77bcf86cd799439050",
    "to_date": _DAY,
    "total_spent_max": _AMOUNT * 10,
    "total_spent_min": _AMOUNT,
    "updated_since": "2025-01-01T00:00:00Z",
}


def add_samples(result: Schema) -> None:
    """Adds the samples and the examples."""
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in PARAMETER_EXAMPLES:
                    # Swagger UI would fill in an `example` of the parameter.
                    parameter["schema"]["examples"] = [PARAMETER_EXAMPLES[parameter["name"]]]
            operation["x-codeSamples"] = _samples(method, path, operation)


def _samples(method: str, path: str, operation: Schema) -> list[Schema]:
    names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
    url = SERVER_IN_SAMPLES + path.format_map({name: PARAMETER_EXAMPLES[name] for name in names})
    query = operation.pop(SAMPLE_QUERY_EXTENSION, None) or {}
    takes_key = any(one["name"] == KEY_HEADER for one in operation.get("parameters", ()))
    sample = Sample(
        method=method,
        url=url,
        query=query,
        body=_body(operation),
        with_token="security" in operation,
        # The other methods do the same when they are repeated.
        with_key=takes_key and method == "post",
    )
    return [
        {"lang": "Shell", "label": "curl", "source": sample.curl},
        {"lang": "Python", "label": "Python", "source": sample.python},
        {"lang": "JavaScript", "label": "JavaScript", "source": sample.javascript},
    ]


def _body(operation: Schema) -> Any:
    """Returns the first example of the body, None if the operation has no body."""
    content = operation.get("requestBody", {"content": {}})["content"]
    examples = [example["value"] for media in content.values() for example in media["examples"].values()]
    return examples[0] if examples else None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A request. `body` is None where there is none; `with_key` says that it has a new `Idempotency-Key`."""

    method: str
    url: str
    query: Schema
    body: Any
    with_token: bool
    with_key: bool

    @property
    def address(self) -> str:
        """The URL with its query."""
        return f"{self.url}?{urlencode(self.query)}" if self.query else self.url

    @property
    def curl(self) -> str:
        """The request for a shell."""
        parts = [f"curl -X '{self.method.upper()}'", f"'{self.address}'", "-H 'accept: application/json'"]
        if self.with_token:
            parts.append(f"-H 'Authorization: Bearer {ACCESS_TOKEN}'")
        if self.with_key:
            parts.append(f'-H "{KEY_HEADER}: $(uuidgen)"')
        if self.body is not None:
            text = json.dumps(self.body, indent=2, ensure_ascii=False).replace("'", "'\\''")
            parts += ["-H 'Content-Type: application/json'", f"-d '{text}'"]
        return " \\\n  ".join(parts) + "\n"

    @property
    def python(self) -> str:
        """The request for the package requests."""
        headers = [f'"Authorization": "Bearer {ACCESS_TOKEN}"'] if self.with_token else []
        headers += [f'"{KEY_HEADER}": str(uuid4())'] if self.with_key else []
        arguments = [
            f'"{self.url}"',
            *([f"params={_python_value(self.query)}"] if self.query else []),
            *([f"headers={{{', '.join(headers)}}}"] if headers else []),
            *([f"json={_python_value(self.body)}"] if self.body is not None else []),
            "timeout=10",
        ]
        imports = "from uuid import uuid4\n\nimport requests" if self.with_key else "import requests"
        lines = "".join(f"    {argument},\n" for argument in arguments)
        return (
            f"{imports}\n\nresponse = requests.{self.method}(\n{lines})\n"
            "response.raise_for_status()\nprint(response.json())\n"
        )

    @property
    def javascript(self) -> str:
        """The request for a browser, and for Node."""
        headers = [f'"Authorization": "Bearer {ACCESS_TOKEN}"'] if self.with_token else []
        headers += ['"Content-Type": "application/json"'] if self.body is not None else []
        headers += [f'"{KEY_HEADER}": crypto.randomUUID()'] if self.with_key else []
        options = [
            f'  method: "{self.method.upper()}",',
            *([f"  headers: {{{', '.join(headers)}}},"] if headers else []),
        ]
        if self.body is not None:
            text = json.dumps(self.body, indent=2, ensure_ascii=False).replace("\n", "\n  ")
            options.append(f"  body: JSON.stringify({text}),")
        lines = "\n".join(options)
        return (
            f'const response = await fetch("{self.address}", {{\n{lines}\n}});\n'
            "if (!response.ok) throw new Error((await response.json()).detail);\n"
            "console.log(await response.json());\n"
        )


def _python_value(value: Any) -> str:
    return pprint.pformat(value, sort_dicts=False, width=90).replace("\n", "\n    ")
