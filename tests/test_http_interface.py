"""The interface as a whole: every operation there is, tried without a token, with a weak one, and with junk."""

import re

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

import installkit
from http_client import open_client, write_playbooks
from installkit_http.openapi import document
from installkit_http.routes import OPERATIONS

pytest_plugins = ["http_service"]

OPEN_TO_ALL = {"GET /healthz", "GET /readyz", "GET /openapi.json", "POST /api/v1/session", "DELETE /api/v1/session"}

SCOPES = {
    "read": {
        "GET /metrics",
        "GET /api/v1/events",
        "GET /api/v1/info",
        "GET /api/v1/catalogs",
        "GET /api/v1/sites",
        "GET /api/v1/sites/{site}",
        "GET /api/v1/sites/{site}/components",
        "GET /api/v1/sites/{site}/components/{name}",
        "GET /api/v1/sites/{site}/components/{name}/playbooks/{action}",
        "GET /api/v1/sites/{site}/hosts",
        "GET /api/v1/sites/{site}/hosts/{host}",
        "GET /api/v1/sites/{site}/inventory/list",
        "GET /api/v1/sites/{site}/parameters",
        "GET /api/v1/sites/{site}/secrets",
        "GET /api/v1/sites/{site}/installed",
        "GET /api/v1/sites/{site}/plans",
        "GET /api/v1/plans/{plan}",
        "GET /api/v1/runs",
        "GET /api/v1/runs/{run}",
        "GET /api/v1/runs/{run}/steps/{step}",
        "GET /api/v1/runs/{run}/spec",
        "GET /api/v1/runs/{run}/timeline",
        "GET /api/v1/runs/{run}/profile",
        "GET /api/v1/runs/{run}/compare",
        "GET /api/v1/runs/{run}/events",
        "GET /api/v1/runs/{run}/log",
        "GET /api/v1/runs/{run}/report",
        "GET /api/v1/runs/{run}/results",
        "GET /api/v1/runs/{run}/steps/{step}/log",
    },
    "operate": {
        "PATCH /api/v1/sites/{site}/parameters",
        "PUT /api/v1/sites/{site}/secrets/{name}",
        "DELETE /api/v1/sites/{site}/secrets/{name}",
        "POST /api/v1/sites/{site}/installed",
        "DELETE /api/v1/sites/{site}/installed/{component}",
        "POST /api/v1/sites/{site}/plans",
        "DELETE /api/v1/plans/{plan}",
        "POST /api/v1/plans/{plan}/checks",
        "POST /api/v1/plans/{plan}/runs",
        "POST /api/v1/runs/{run}/cancel",
        "POST /api/v1/runs/{run}/approve",
    },
    "admin": {
        "GET /api/v1/tokens",
        "POST /api/v1/tokens",
        "DELETE /api/v1/tokens/{id}",
        "GET /api/v1/audit",
        "POST /api/v1/sites",
        "PATCH /api/v1/sites/{site}",
        "DELETE /api/v1/sites/{site}",
        "POST /api/v1/sites/{site}/hosts",
        "PATCH /api/v1/sites/{site}/hosts/{host}",
        "DELETE /api/v1/sites/{site}/hosts/{host}",
        "GET /api/v1/sites/{site}/inventory",
        "PUT /api/v1/sites/{site}/inventory",
        "DELETE /api/v1/runs/{run}",
        "GET /api/v1/webhooks",
        "POST /api/v1/webhooks",
        "DELETE /api/v1/webhooks/{id}",
    },
}
"""What each operation needs: whoever adds one decides here, too."""

WEAKER = {"read": None, "operate": "read", "admin": "operate"}

JUNK = (
    "../../etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%00",
    "-rf",
    "{{ 7*7 }}",
    "x" * 2000,
    "%F0%9F%92%A9",
    "'; --",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A client without a token, and a token's text for each scope."""
    folder = tmp_path_factory.mktemp("served")
    playbooks = write_playbooks(folder / "playbooks", gate=folder / "gate")
    inventory = folder / "hosts.yml"
    inventory.write_text("all: {hosts: {h1: {ansible_connection: local}}}\n")
    with installkit.Installer(folder / "data") as installer, open_client(installer, playbooks) as client:
        installer.site("acme", inventory=inventory, catalog=playbooks)
        texts = {scope.value: installer.access.create_token(scope.value, [scope])[1] for scope in installkit.Scope}
        del client.headers["authorization"]
        yield client, texts


@pytest.fixture(scope="module")
def schema(served):
    return schemathesis.openapi.from_asgi("/openapi.json", served[0].app)


def name_of(operation):
    return f"{operation.method} {operation.full_path}"


def path_of(operation, name="acme"):
    return re.sub(r"\{\w+\}", name, operation.full_path)


def bearer(text):
    return {"authorization": f"Bearer {text}"}


GUARDED = [operation for operation in OPERATIONS if operation.scope is not None]


def test_every_operation_has_a_row_in_the_table():
    """A new one is not forgotten here."""
    found = {scope: {name_of(each) for each in GUARDED if each.scope == scope} for scope in installkit.Scope}

    assert SCOPES == found
    assert OPEN_TO_ALL == {name_of(operation) for operation in OPERATIONS if operation.scope is None}


@pytest.mark.parametrize("operation", GUARDED, ids=name_of)
def test_without_a_token_and_with_a_weaker_one_nothing_is_done(served, operation):
    client, texts = served
    weaker = WEAKER[operation.scope]
    nobody = client.request(operation.method, path_of(operation))
    weak = client.request(operation.method, path_of(operation), headers=bearer(texts[weaker])) if weaker else None

    assert (401, "unauthorized") == (nobody.status_code, nobody.json()["code"])
    assert weak is None or (403, "forbidden") == (weak.status_code, weak.json()["code"])


@pytest.mark.parametrize("operation", [each for each in GUARDED if "{" in each.full_path], ids=name_of)
def test_junk_in_an_address_is_not_found(served, operation):
    """No name from an address becomes a path, an option or code."""
    client, texts = served
    for junk in JUNK:
        answer = client.request(operation.method, path_of(operation, junk), headers=bearer(texts["admin"]))
        assert answer.status_code in {404, 405, 422}, (junk, answer.text)
        assert "root:x" not in answer.text


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.body], ids=name_of)
def test_junk_in_a_body_is_named(served, operation):
    client, texts = served
    for junk in (b"[]", b'"x"', b"1", b"null", b'{"nothing": {"deep": [1]}}'):
        answer = client.request(operation.method, path_of(operation), content=junk, headers=bearer(texts["admin"]))
        assert (422, "invalid") == (answer.status_code, answer.json()["code"]), (junk, answer.text)


def test_operations_are_named_once_and_described():
    names = [operation.handle.__name__ for operation in OPERATIONS]

    assert len(set(names)) == len(names)
    assert all(operation.handle.__doc__ for operation in OPERATIONS)


def test_the_document_describes_the_values_on_the_wire():
    """The classes that answer are the classes described, field for field."""
    schemas = document(OPERATIONS)["components"]["schemas"]

    assert {"Plan", "RunSnapshot", "SiteSnapshot", "StepSnapshot", "Component", "Token", "Problem"} <= set(schemas)
    assert {"id", "status", "last_seq", "steps", "failures"} <= set(schemas["RunSnapshot"]["properties"])
    assert "succeeded" in schemas["RunSnapshot"]["properties"]["status"]["enum"]


def test_what_is_said_of_a_field_is_whole():
    """Also where the docstring goes on in a second line: each ends as a sentence does."""
    schemas = document(OPERATIONS)["components"]["schemas"]
    texts = [
        field["description"]
        for schema in schemas.values()
        for field in schema.get("properties", {}).values()
        if "description" in field
    ]

    assert [] == [text for text in texts if not text.endswith(".")]


ENDLESS = re.compile(r"/(events|log)$")

CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance]


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if not ENDLESS.search(each.path)], ids=name_of)
def test_answers_are_as_the_document_says(served, schema, operation):
    """Whatever is sent, the answer is one of those described, and never a mistake of ours."""
    _, texts = served

    @settings(max_examples=4, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=schema[operation.full_path][operation.method].as_strategy())
    def _try(case):
        response = case.call(headers=bearer(texts["admin"]))
        case.validate_response(response, checks=CHECKS)

    _try()
