"""Who may do what over HTTP."""

import stat
from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import installkit
from installkit_http import create_app

pytest_plugins = ["http_service"]


def bearer(text):
    return {"authorization": f"Bearer {text}"}


def problem(response):
    assert "application/problem+json" == response.headers["content-type"]
    return response.status_code, response.json()["code"]


def test_the_first_token_is_a_file_for_its_owner(client, installer):
    path = installer.folders.data / "access-token"

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert ["first"] == [token.name for token in installer.access.tokens()]
    assert path.read_text().strip().encode() not in (installer.folders.database).read_bytes()


def test_without_a_token_nothing_is_shown(client):
    """The answer says how to get one."""
    answer = client.get("/api/v1/sites", headers={"authorization": ""})

    assert (401, "unauthorized") == problem(answer)
    assert "Bearer" == answer.headers["www-authenticate"]
    assert "installkit token create" in answer.json()["remedy"]


@pytest.mark.parametrize(
    "text", ["", "nonsense", "ik_000000000000_" + "a" * 43, "ik_../../etc_" + "a" * 43, "ä" * 60], ids=repr
)
def test_a_token_that_nobody_made_is_none(client, text):
    assert 401 == client.get("/api/v1/sites", headers={"authorization": f"Bearer {text}".encode()}).status_code


def test_each_scope_includes_those_below_it(client, site):
    texts = {
        scope: client.post("/api/v1/tokens", json={"name": scope, "scopes": [scope]}).json()["token"]
        for scope in ("read", "operate", "admin")
    }

    def _statuses(scope):
        headers = bearer(texts[scope])
        asked = (
            client.get(site, headers=headers),
            client.post(f"{site}/plans", json={"install": ["mysql"]}, headers=headers),
            client.get("/api/v1/tokens", headers=headers),
        )
        return [answer.status_code for answer in asked]

    assert [200, 403, 403] == _statuses("read")
    assert [200, 201, 403] == _statuses("operate")
    assert [200, 201, 200] == _statuses("admin")


def test_a_token_text_is_shown_once_and_stored_nowhere(client, installer):
    made = client.post("/api/v1/tokens", json={"name": "ci", "scopes": ["read"]}).json()

    assert made["token"] not in client.get("/api/v1/tokens").text
    assert made["id"] in client.get("/api/v1/tokens").text


def test_a_revoked_token_ends_at_once_with_its_sessions(client):
    made = client.post("/api/v1/tokens", json={"name": "ci", "scopes": ["read"]}).json()
    session = client.post("/api/v1/session", json={"token": made["token"]})
    cookie = {"cookie": session.headers["set-cookie"].partition(";")[0], "authorization": ""}
    client.cookies.clear()
    assert 200 == client.get("/api/v1/sites", headers=cookie).status_code
    assert 204 == client.delete(f"/api/v1/tokens/{made['id']}").status_code

    assert 401 == client.get("/api/v1/sites", headers=cookie).status_code
    assert 401 == client.get("/api/v1/sites", headers=bearer(made["token"])).status_code
    assert (404, "not_found") == problem(client.delete(f"/api/v1/tokens/{made['id']}"))


def test_an_expired_token_is_refused(installer):
    soon = datetime.now(UTC) + timedelta(milliseconds=50)
    _, text = installer.access.create_token("short", ["read"], expires_at=soon)
    while datetime.now(UTC) <= soon:
        pass

    assert installer.access.check_token(text) is None


def test_a_token_that_is_used_says_when(client):
    now = client.get("/api/v1/info").json()["token"]

    assert "first" == now["name"]
    assert [True] == [bool(token["last_used_at"]) for token in client.get("/api/v1/tokens").json()["items"]]


def test_a_one_time_token_buys_one_session_and_nothing_else(client, installer):
    _, text = installer.access.create_token("console", ["admin"], once=True)

    assert 401 == client.get("/api/v1/sites", headers=bearer(text)).status_code
    assert 201 == client.post("/api/v1/session", json={"token": text}).status_code
    assert 401 == client.post("/api/v1/session", json={"token": text}).status_code


def test_a_session_cookie_is_kept_from_scripts_and_other_sites(client, installer):
    _, text = installer.access.create_token("console", ["admin"], once=True)
    session = client.post("/api/v1/session", json={"token": text}, headers={"authorization": ""})
    del client.headers["authorization"]

    cookie = session.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert text not in cookie
    assert 200 == client.get("/api/v1/sites").status_code
    assert 204 == client.delete("/api/v1/session").status_code
    assert 401 == client.get("/api/v1/sites").status_code


def test_services_on_two_ports_of_one_host_do_not_log_each_other_out(client, installer):
    """A browser sends a cookie to every port of a host, so each service has a name of its own for it."""
    del client.headers["authorization"]
    hosts = ("127.0.0.1:18484", "127.0.0.1:18485", "[::1]:18484", "installkit.example.com", "[::1]", "odd:x")
    given = {}
    for host in hosts:
        _, text = installer.access.create_token("console", ["admin"], once=True)
        session = client.post("/api/v1/session", json={"token": text}, headers={"host": host})
        given[host] = session.headers["set-cookie"].partition(";")[0]
        client.cookies.clear()
    first, second, *_ = hosts
    both = {"cookie": f"{given[first]}; {given[second]}"}
    client.delete("/api/v1/session", headers={"host": first, **both})
    described = client.get("/openapi.json", headers={"host": second}).json()["components"]["securitySchemes"]

    names = ["installkit_session_18484", "installkit_session_18485", "installkit_session_18484"]
    assert [*names, *["installkit_session"] * 3] == [cookie.partition("=")[0] for cookie in given.values()]
    assert 401 == client.get("/api/v1/sites", headers={"host": first, **both}).status_code
    assert 200 == client.get("/api/v1/sites", headers={"host": second, **both}).status_code
    assert "installkit_session_18485" == described["session"]["name"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://testserver", 201), ("https://tools.example", 201), ("https://evil.example", 403), ("null", 403)],
)
def test_a_page_of_another_origin_changes_nothing(installer, playbooks, origin, status):
    """Its own origin and those that were allowed may."""
    _, text = installer.access.create_token("me", ["admin"])
    with TestClient(create_app(installer, allow_origin=["https://tools.example"])) as client:
        answer = client.post(
            "/api/v1/tokens", json={"name": "x", "scopes": ["read"]}, headers={**bearer(text), "origin": origin}
        )

    assert status == answer.status_code
    assert ("https://tools.example" if origin == "https://tools.example" else None) == answer.headers.get(
        "access-control-allow-origin"
    )


def test_a_browser_may_ask_before_it_sends_from_an_allowed_origin(installer):
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    with TestClient(create_app(installer, allow_origin=["https://tools.example"])) as client:
        good = client.options("/api/v1/sites", headers={**asked, "origin": "https://tools.example"})
        bad = client.options("/api/v1/sites", headers={**asked, "origin": "https://evil.example"})

    assert "https://tools.example" == good.headers["access-control-allow-origin"]
    assert "access-control-allow-origin" not in bad.headers


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/sites", "/api/v1/nothing", "/openapi.json"])
def test_every_answer_tells_browsers_to_be_careful(client, path):
    headers = client.get(path, headers={"authorization": ""}).headers

    assert "nosniff" == headers["x-content-type-options"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "no-store" == headers["cache-control"]


def test_a_body_beyond_the_limit_is_refused(client):
    assert (413, "too_large") == problem(client.post("/api/v1/tokens", content=b" " * (1 << 20) + b"{}"))


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param(b"{", 400, id="no JSON"),
        pytest.param(b'{"name": "a", "name": "b"}', 400, id="key twice"),
        pytest.param(b'{"name": NaN}', 400, id="no number"),
        pytest.param(b'{"name": "\\ud800"}', 400, id="half a character"),
        pytest.param(b"[" * 100_000, 400, id="bottomless"),
        pytest.param(b'{"a":' * 70 + b"1" + b"}" * 70, 400, id="deep"),
        pytest.param(b"\xff\xfe", 400, id="no UTF-8"),
        pytest.param(b"[]", 422, id="no object"),
        pytest.param(b"", 422, id="empty"),
    ],
)
def test_a_body_that_is_none_is_refused(client, content, status):
    assert status == client.post("/api/v1/tokens", content=content).status_code


def test_a_body_of_another_type_is_refused(client):
    answer = client.post(
        "/api/v1/tokens", content=b"name=x", headers={"content-type": "application/x-www-form-urlencoded"}
    )

    assert (415, "unsupported_type") == problem(answer)


def test_every_wrong_field_is_named_at_once(client):
    answer = client.post("/api/v1/tokens", json={"scopes": ["read", "root"], "expires_at": "soon", "x": 1})

    assert (422, "invalid") == problem(answer)
    assert ["/name", "/scopes/1", "/expires_at", "/x"] == [each["pointer"] for each in answer.json()["errors"]]


def test_each_change_is_recorded_with_who_made_it(client, site):
    """What was refused, and what was only looked at, is not."""
    client.get(site)
    client.post(f"{site}/plans", json={"install": ["nothing"]})
    client.patch(site, json={"title": "Acme"})
    entries = client.get("/api/v1/audit").json()["items"]

    assert ["PATCH /api/v1/sites/{site}"] == [entry["what"] for entry in entries]
    assert all(entry["who"].startswith("first (") for entry in entries)
    assert "/api/v1/sites/acme" == entries[0]["target"]


def test_the_audit_is_read_page_by_page(client):
    for number in range(4):
        client.post("/api/v1/tokens", json={"name": f"t{number}", "scopes": ["read"]})
    first = client.get("/api/v1/audit?limit=3").json()
    second = client.get(f"/api/v1/audit?limit=3&cursor={first['next']}").json()

    assert [4, 3, 2] == [entry["id"] for entry in first["items"]]
    assert [1] == [entry["id"] for entry in second["items"]]
    assert second["next"] is None


def test_the_service_can_be_mounted_in_another_app(installer, playbooks):
    _, text = installer.access.create_token("me", ["admin"])
    app = create_app(installer)
    outer = Starlette(routes=[Mount("/install", app)], lifespan=lambda _: app.router.lifespan_context(app))
    with TestClient(outer) as client:
        assert 200 == client.get("/install/api/v1/sites", headers=bearer(text)).status_code
        assert [{"url": "/install"}] == client.get("/install/openapi.json").json()["servers"]


def test_an_app_that_is_served_without_its_lifespan_is_warned_of_once(installer, caplog):
    app = create_app(installer)
    for _ in range(2):
        assert 503 == TestClient(app).get("/readyz").status_code
    with TestClient(app) as client:
        client.get("/healthz")

    warnings = [record.getMessage() for record in caplog.records if record.name == "installkit_http"]
    assert 1 == len(warnings)
    assert "without its lifespan" in warnings[0]
    assert "app.router.lifespan_context(app)" in warnings[0]


def test_a_service_with_its_lifespan_is_not_warned_of(installer, caplog):
    app = create_app(installer)
    outer = Starlette(routes=[Mount("/install", app)], lifespan=lambda _: app.router.lifespan_context(app))
    with TestClient(outer) as client:
        client.get("/install/healthz")

    assert not [record for record in caplog.records if record.name == "installkit_http"]


def test_a_token_needs_a_name_and_a_scope(installer):
    with pytest.raises(installkit.PlanningError, match="name"):
        installer.access.create_token(" ", ["read"])
    with pytest.raises(installkit.PlanningError, match="scope"):
        installer.access.create_token("ci", [])


def test_a_claim_of_a_service_that_died_is_given_up(installer):
    """A key whose request was never answered does not stay claimed; an answer does."""
    then = datetime(2026, 1, 1, tzinfo=UTC)
    late = then + timedelta(minutes=6)

    def _claim(now):
        times = {"now": now, "since": now - timedelta(days=1), "claimed_since": now - timedelta(minutes=5)}
        return installer._directory.store.access.claim_answer("me", "k", "digest", **times)

    assert _claim(then) is None
    assert _claim(then) == installkit.KeptAnswer(request="digest")
    assert _claim(late) is None
    installer._directory.store.access.keep_answer(
        "me", "k", installkit.KeptAnswer(request="digest", status=201), now=late
    )
    assert 201 == _claim(late + timedelta(hours=1)).status
