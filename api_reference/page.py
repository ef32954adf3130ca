"""An OpenAPI document as one HTML page, for what our document makes use of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

Node = dict[str, Any]


def render(document: Node) -> str:
    """The page. Everything that it needs is in it, so it can be read from a disk."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": _prose, "model_name": _model_name, "kind": _kind}
    environment.globals["example"] = lambda schema: json.dumps(_example(document, schema), indent=2)
    return environment.get_template("page.html.jinja").render(document=document)


def _prose(text: str) -> Markup:
    """Paragraphs, with what stands between backticks as code."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        parts = [
            Markup("<code>{}</code>").format(part) if index % 2 else escape(part)
            for index, part in enumerate(paragraph.replace("``", "`").split("`"))
        ]
        paragraphs.append(Markup("<p>{}</p>").format(Markup().join(parts)))
    return Markup().join(paragraphs)


def _model_name(schema: Node) -> str | None:
    """The model that a schema refers to, if it does."""
    if "allOf" in schema:
        return _model_name(schema["allOf"][0])
    if "items" in schema:
        return _model_name(schema["items"])
    reference: str | None = schema.get("$ref")
    return reference.rpartition("/")[2] if reference else None


def _kind(schema: Node) -> str:
    """What values look like, in a few words."""
    if _model_name(schema):
        bounds = f"{schema['minItems']} to {schema['maxItems']} of " if "items" in schema else ""
        text = bounds + str(_model_name(schema))
    elif "enum" in schema:
        text = " | ".join(schema["enum"])
    elif "minimum" in schema:
        text = f"{schema['minimum']:,} to {schema['maximum']:,}"
    else:
        text = str(schema.get("pattern", schema["type"]))
    return f"{text}, or null" if schema.get("nullable") else text


def _example(document: Node, schema: Node) -> Any:
    """A value that the schema admits, from the examples of its parts."""
    if "allOf" in schema:
        return _example(document, schema["allOf"][0])
    if "$ref" in schema:
        return _example(document, document["components"]["schemas"][_model_name(schema)])
    if schema.get("type") == "array":
        return [_example(document, schema["items"])]
    if schema.get("type") == "object":
        return {name: _example(document, part) for name, part in schema["properties"].items()}
    if "enum" in schema:
        return schema["enum"][0]
    return schema.get("example", schema.get("minimum", ""))
