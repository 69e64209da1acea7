"""The reference page: the OpenAPI description as Markdown, by `python -m api.reference > docs/api.md`.

Owns how the description is laid out for people; every word and number of it comes from the description.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from api.app import routed
from api.documented import ANYWHERE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

HEAD = """\
# HTTP interface

This page is made from the OpenAPI description, which a running service gives at `/openapi.json`:
`python -m api.reference > docs/api.md`.
"""


def page() -> str:
    """The whole page."""
    text = routed().openapi()
    return "\n".join([HEAD, text["info"]["description"], *_anywhere(text), *_operations(text), *_shapes(text)])


def _anywhere(text: dict[str, Any]) -> Iterator[str]:
    yield "Every route but those of health may answer with these, which are not repeated below:\n"
    yield _refusals(text["paths"]["/v1/taggers"]["get"], ())


def _operations(text: dict[str, Any]) -> Iterator[str]:
    for tag in text["tags"]:
        yield f"## {tag['name'].capitalize()}\n\n{tag['description']}\n"
        for path, methods in text["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield f"### {operation['summary']}: `{method.upper()} {path}`\n\n{operation['description']}\n"
                    yield from _details(operation)


def _details(operation: dict[str, Any]) -> Iterator[str]:
    if "security" not in operation:
        yield "Needs no key.\n"
    if "parameters" in operation:
        yield _table(["parameter", "in", "type", "meaning"], map(_parameter, operation["parameters"]))
    if "requestBody" in operation:
        yield from _body(operation["requestBody"])
    good = {status: answer for status, answer in operation["responses"].items() if not _problems(answer)}
    yield _table(["answer", "body", "headers"], (_good(status, answer) for status, answer in good.items()))
    yield _refusals(operation, ANYWHERE)


def _refusals(operation: dict[str, Any], said: Collection[str]) -> str:
    return _table(
        ["status", "code", "for example"],
        (
            (status, f"`{code}`", detail)
            for status, answer in sorted(operation["responses"].items())
            for code, detail in _problems(answer)
            if code not in said
        ),
    )


def _parameter(parameter: dict[str, Any]) -> tuple[str, ...]:
    schema = parameter["schema"]
    meaning = parameter.get("description", "")
    if "default" in schema:
        meaning += f"; without it `{schema['default']}`"
    name = f"`{parameter['name']}`" + (" (required)" if parameter["required"] else "")
    return name, parameter["in"], _type(schema), meaning


def _body(body: dict[str, Any]) -> Iterator[str]:
    kinds = ", ".join(f"{_type(content['schema'])} as `{kind}`" for kind, content in body["content"].items())
    yield f"Body: {kinds}. {body.get('description', '')}".rstrip() + "\n"
    for kind, content in body["content"].items():
        examples = [content["example"]] if "example" in content else []
        for example in [*examples, *(each["value"] for each in content.get("examples", {}).values())]:
            shown = example if isinstance(example, str) else json.dumps(example, indent=2)
            yield f"```{'json' if kind.endswith('json') else ''}\n{shown.rstrip()}\n```\n"


def _good(status: str, answer: dict[str, Any]) -> tuple[str, ...]:
    bodies = [
        f"lines of {_type(content['itemSchema'])}, `{kind}`"
        if "itemSchema" in content
        else f"{_type(content['schema'])}, `{kind}`"
        for kind, content in answer.get("content", {}).items()
    ]
    headers = [
        f"`{name}`: {header['description']}" for name, header in answer["headers"].items() if "$ref" not in header
    ]
    return status, "; ".join(bodies), "; ".join(headers)


def _problems(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """Code and detail of each example of a problem."""
    examples = answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
    return [(each["value"]["code"], each["value"]["detail"]) for each in examples.values()]


def _shapes(text: dict[str, Any]) -> Iterator[str]:
    yield "## Shapes\n\nAn answer of a later version may have fields that are not here; pass over them.\n"
    for name, schema in sorted(text["components"]["schemas"].items()):
        yield f"### {name}\n\n{schema.get('description', '')}\n"
        if "enum" in schema:
            yield f"One of {_type(schema)}.\n"
        required = schema.get("required", [])
        fields = schema.get("properties", {}).items()
        yield _table(["field", "type", "meaning"], (_field(field, of, field in required) for field, of in fields))


def _field(name: str, schema: dict[str, Any], required: bool) -> tuple[str, ...]:
    meaning = schema.get("description", "")
    if schema.get("default") is not None and schema["default"] != []:
        meaning = f"{meaning}; without it `{schema['default']}`".removeprefix("; ")
    return f"`{name}`" + (" (required)" if required else ""), _type(schema), meaning


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{word}`" for word in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return _plain(schema)


def _plain(schema: dict[str, Any]) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "maxLength": "at most"}
    bounds = " ".join(f"{word} {schema[key]}" for key, word in words.items() if key in schema)
    form = schema.get("format", "")
    return " ".join(filter(None, [str(schema.get("type", "anything")), form and f"({form})", bounds]))


def _table(head: list[str], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *lines, ""])


if __name__ == "__main__":
    sys.stdout.write(page())
