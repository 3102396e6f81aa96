"""The description of the webhook as a page for people: no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from adapters.shared.problems import MEDIA_TYPE

_STYLE = """\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h2{margin-top:2.5rem;border-top:1px solid #d0d7de;padding-top:1rem}code{font:14px ui-monospace,monospace}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;
border-bottom:1px solid #eaeef2}b.method{display:inline-block;min-width:4.5rem}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}h2,td,th{border-color:#30363d}a{color:#7ab7ff}}
"""


def rendered(document: Mapping[str, Any]) -> tuple[str, str]:
    """The page, and the content security policy that goes with it."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    body = "\n".join(_body(document))
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    page = (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n'
    )
    return page, f"{policy}; frame-ancestors 'none'"


def _body(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h1>{escape(document['info']['title'])}: the webhook</h1>"
    yield '<p>For programs: <a href="/openapi.json">openapi.json</a>. Errors are problem details (RFC 9457).</p>'
    for path, operations in document["paths"].items():
        for method in ("get", "post", "delete"):
            if method in operations:
                yield from _operation(method, path, operations[method])
    yield "<h2>What is sent and answered</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield from _schema(name, schema)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h2 id="{escape(operation["operationId"])}">{escape(operation["summary"])}</h2>'
    yield f'<p><b class="method">{method.upper()}</b> <code>{escape(path)}</code></p>'
    if "requestBody" in operation:
        yield f"<p>Body: {_kind(operation['requestBody']['content']['application/json']['schema'])}</p>"
    ways = ["a signature" if "signature" in way else "an API key" for way in operation["security"]]
    yield f"<p>Let in by: {' or '.join(ways) or 'being on this machine'}</p>"
    yield "<table><tr><th>Status</th><th>Meaning</th><th>Answer</th></tr>"
    problems = []
    for status, answer in operation["responses"].items():
        if MEDIA_TYPE in answer["content"]:
            problems.append(f"{status} {answer['description']}")
        else:
            yield _row(status, escape(answer["description"]), _kind(answer["content"]["application/json"]["schema"]))
    yield _row("else", escape(", ".join(problems)), '<a href="#ProblemOut">ProblemOut</a>')
    yield "</table>"


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
    yield "<table><tr><th>Field</th><th>Type</th><th></th></tr>"
    required = schema.get("required", ())
    for field, of in schema.get("properties", {}).items():
        words = escape(of.get("description", "")) + (" <em>Required.</em>" if field in required else "")
        yield _row(f"<code>{escape(field)}</code>", _kind(of), words)
    yield "</table>"


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _kind(schema: Mapping[str, Any]) -> str:
    """The type of a value, with a link where it has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return escape(", ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return escape(str(schema.get("type", "anything")))
