"""The OpenAPI 3.1 document, made from the same table and the same classes that answer requests."""

import inspect
import re
import types
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import attrs

import installkit
from installkit_http.auth import COOKIE
from installkit_http.operations import Operation
from installkit_http.parsing import fields_of
from installkit_http.streaming.sse import EVENT_STREAM

JSON = "application/json"

Schema = dict[str, Any]

_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    Path: {"type": "string"},
    type(None): {"type": "null"},
    Any: {},
    dict: {"type": "object"},
}

_PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "remedy"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, with the value."},
        "code": {"type": "string", "description": "A word for programs."},
        "remedy": {"type": ["string", "null"], "description": "What to do next."},
        "errors": {
            "type": "array",
            "description": "With the code `invalid`: every wrong field.",
            "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": {"pointer": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def document(operations: Iterable[Operation], *, server: str = "/", cookie: str = COOKIE) -> dict[str, Any]:
    """
    Return the OpenAPI document of *operations*.

    Args:
        operations: Each method of each address.
        server: The beginning of all addresses.
        cookie: The name of a session's cookie.
    """
    schemas = _Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.full_path, {})[operation.method.lower()] = _operation_object(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "installkit",
            "version": installkit.__version__,
            "description": "Plan, run and watch a folder of numbered Ansible playbooks.",
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM, **schemas.by_name},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
            },
        },
    }


class _Schemas:
    """The schemas of attrs classes, each described once."""

    def __init__(self) -> None:
        self.by_name: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """Return the schema of the JSON value that `to_wire` makes from a value of type *kind*."""
        if isinstance(kind, type) and attrs.has(kind):
            if kind.__name__ not in self.by_name:
                self.by_name[kind.__name__] = {}  # stops the recursion: a value may hold others of its class
                self.by_name[kind.__name__] = self.object(kind, given=False)
            return {"$ref": f"#/components/schemas/{kind.__name__}"}
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"type": "string", "enum": [member.value for member in kind]}
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (types.UnionType, Union):
            schemas = [self.of(argument) for argument in arguments]
            plain = all(set(schema) == {"type"} and isinstance(schema["type"], str) for schema in schemas)
            return {"type": [schema["type"] for schema in schemas]} if plain else {"anyOf": schemas}
        if origin is tuple:
            return {"type": "array", "items": self.of(arguments[0])}
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        return dict(_PLAIN[kind])

    def object(self, kind: Any, *, given: bool, left_out: Collection[str] = ()) -> Schema:
        """Return the schema of the attrs class *kind*, in a request if it is *given*, else in an answer."""
        texts = _field_texts(kind)
        fields = [field for field in fields_of(kind) if field.name not in left_out]
        return {
            "type": "object",
            "description": _docstring(kind).partition("\n")[0],
            "properties": {
                field.name: {**self.of(field.type), **_description(texts.get(field.name))} for field in fields
            },
            "required": [field.name for field in fields if not given or field.default is attrs.NOTHING],
            **({"additionalProperties": False} if given else {}),
        }


def _operation_object(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "description": _docstring(operation.handle),
        "operationId": operation.handle.__name__,
        "tags": [operation.handle.__module__.rpartition(".")[2]],
        "parameters": _parameters(operation, schemas),
        "responses": {
            str(operation.status): {"description": operation.summary, **_content(operation, schemas)},
            "default": {"description": "What went wrong", **problem},
        },
        "security": [] if operation.scope is None else [{"token": []}, {"session": []}],
    }
    if operation.scope is not None:
        described["x-scope"] = operation.scope.value
    if operation.body is not None:
        schema = schemas.object(operation.body, given=True)
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return described


HEADERS: Mapping[str, str] = {
    "If-Match": "The entity tag of what is edited, as it was read: the answer is 412 if it was changed since.",
    "Idempotency-Key": "A word of the client's for this request: sent again within a day, it gets the same answer.",
    "Last-Event-ID": "The cursor to go on from; it goes before the one in the address.",
}
"""The headers that some operations read, and their descriptions."""


def _parameters(operation: Operation, schemas: _Schemas) -> list[Schema]:
    """Return the parameters in the path, in the query and in headers."""
    names = re.findall(r"\{(\w+)\}", operation.full_path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    texts = _field_texts(operation.query)
    for field in fields_of(operation.query):
        schema = schemas.of(field.type)  # without null: a parameter of a query is given or missing
        if isinstance(schema.get("type"), list):
            schema = {"type": next(kind for kind in schema["type"] if kind != "null")}
        elif "anyOf" in schema:
            schema = dict(next(option for option in schema["anyOf"] if option != {"type": "null"}))
        text = _description(texts.get(field.name))
        parameters.append({"name": field.name, "in": "query", "schema": schema, **text})
    headers = {
        "If-Match": operation.guarded and operation.method != "POST",
        "Idempotency-Key": operation.method == "POST" and operation.keepable and operation.scope is not None,
        "Last-Event-ID": EVENT_STREAM in operation.media,
    }
    parameters += [
        {"name": name, "in": "header", "schema": {"type": "string"}, "description": HEADERS[name]}
        for name, is_read in headers.items()
        if is_read
    ]
    return parameters


def _content(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    if operation.status == 204:  # noqa: PLR2004 - No Content
        return {}
    schema: Schema = {} if operation.answer is None else schemas.of(operation.answer)
    if operation.many:
        item = (
            schemas.object(operation.answer, given=False, left_out=operation.left_out) if operation.left_out else schema
        )
        page = {"items": {"type": "array", "items": item}, "next": {"type": ["string", "null"]}}
        schema = {"type": "object", "required": ["items", "next"], "properties": page}
    return {"content": {media: {"schema": schema} if media == JSON else {} for media in operation.media}}


def _field_texts(kind: Any) -> dict[str, str]:
    """Return the descriptions of attributes in the docstrings of *kind* and of its base classes."""
    descriptions: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        _, _, text = _docstring(base).partition("Attributes:\n")
        texts = re.findall(r"^ {4}(\w+): (.+(?:\n {5,}.+)*)$", text, re.MULTILINE)
        descriptions |= {name: " ".join(text.split()) for name, text in texts}
    return descriptions


def _docstring(thing: Any) -> str:
    return inspect.cleandoc(thing.__doc__ or "")  # from Python 3.13 on it comes without its indentation


def _description(text: str | None) -> Schema:
    return {"description": text} if text else {}
