"""The service behind nginx, as its guide configures it, and the guide's systemd unit."""

import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
import yaml
from playwright.sync_api import expect

import installkit
from http_client import INVENTORY, Server, finish, sse_events, start, write_playbooks
from site_runs import until

pytest_plugins = ["console_page", "http_service"]

pytestmark = pytest.mark.long

GUIDE = (Path(__file__).parent.parent / "docs" / "how-to" / "serve.md").read_text()

RECORDED = Path(__file__).parent / "data" / "journals" / "1" / "024ea32e2dec"
LOG = "01-mysql-install"
LINES = 100_000

NGINX = "/usr/sbin/nginx"

ANALYZE = "/usr/bin/systemd-analyze"

MAIN = """
daemon off;
{user}
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/kept;
    fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    {server}
}}
"""


def block(language):
    """Return the guide's only block in *language*."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return found


def replaced(text, **parts):
    """Return *text* with each part, which it must have, replaced."""
    for old, new in parts.values():
        assert old in text, f"the guide has no {old!r} any more"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a data directory, that has a finished run with a long log, and a site, whose slow run has a gate."""
    home = tmp_path_factory.mktemp("proxied")
    (home / "hosts.yml").write_text(yaml.safe_dump(INVENTORY))
    playbooks = write_playbooks(home / "playbooks", gate=home / "gate")
    with installkit.Installer(home / "data") as installer:
        installer.site("acme", inventory=home / "hosts.yml", catalog=playbooks)
    run = home / "data" / "runs" / RECORDED.name
    shutil.copytree(RECORDED, run)
    content = "".join(f"\x1b[0;32mline {number}\x1b[0m\n" for number in range(1, LINES + 1)).encode()
    (run / "logs" / f"{LOG}.log").write_bytes(content)
    result = json.loads((run / "result.json").read_text())
    next(step for step in result["result"]["run"]["steps"] if step["id"] == LOG)["log_size"] = len(content)
    (run / "result.json").write_text(json.dumps(result))
    return home


@pytest.fixture(scope="module")
def service(home):
    """The service that is behind the proxies."""
    server = Server(home / "data", "-c", f"products={home / 'playbooks'}")
    yield server
    server.end()


@pytest.fixture(scope="module")
def certificate(home):
    """A certificate for 127.0.0.1 that it signed itself, and its key."""
    paths = home / "installkit.pem", home / "installkit.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*command, *names, "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def nginx(folder, service, certificate, *, patience="1h"):
    """Put nginx in front of *service* with the guide's configuration; yield its address."""
    if not Path(NGINX).exists():
        pytest.skip(f"{NGINX} is missing: apt-get install nginx-light")
    folder.mkdir()
    port = free_port()
    server = replaced(
        block("nginx"),
        listen=("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        certificate=("/etc/ssl/installkit.pem", str(certificate[0])),
        key=("/etc/ssl/installkit.key", str(certificate[1])),
        upstream=("http://127.0.0.1:8484", service.url),
        patience=("proxy_read_timeout 1h", f"proxy_read_timeout {patience}"),
    )
    user = "user root;" if Path("/proc/self").stat().st_uid == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder, server=server))
    with subprocess.Popen([NGINX, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]) as process:
        until(lambda: listens(port))
        yield f"https://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def proxied(tmp_path, service, certificate):
    """Start proxies, and give clients of them with a token for everything."""
    with contextlib.ExitStack() as stack:

        def _start(**options):
            url = stack.enter_context(nginx(tmp_path / f"nginx-{len(options)}", service, certificate, **options))
            trusted = ssl.create_default_context(cafile=certificate[0])
            headers = {"authorization": f"Bearer {service.token}"}
            return stack.enter_context(httpx2.Client(base_url=url, headers=headers, verify=trusted, timeout=60))

        yield _start


def test_a_long_log_passes_byte_for_byte_and_is_collected_nowhere(proxied, service, tmp_path):
    client = proxied()
    path = f"/api/v1/runs/{RECORDED.name}/steps/{LOG}/log"
    with service.client() as direct:
        whole = direct.get(path).content
    with client.stream("GET", path) as answer:
        through = answer.read()
        kind = answer.headers["transfer-encoding"]
    kept = [each for each in (tmp_path / "nginx-0" / "kept").rglob("*") if each.is_file()]

    assert whole == through
    assert whole == client.get(path, headers={"range": "bytes=0-"}).content
    assert ("chunked", LINES, []) == (kind, through.count(b"\n"), kept)


def read_until_cut(client, path, after, wanted=lambda _: False):
    """Return the server-sent events after *after*, to the end, the cut, or the first one that is *wanted*."""
    found = []
    with contextlib.suppress(httpx2.RemoteProtocolError, httpx2.ReadError):
        headers = {"accept": "text/event-stream", "last-event-id": str(after)}
        with client.stream("GET", path, headers=headers) as answer:
            for event in sse_events(answer.iter_lines()):
                found.append(event)
                if wanted(event):
                    break
    return found


def test_a_stream_lives_through_silence_and_goes_on_where_a_proxy_cut_it(proxied, service, home):
    """What is printed comes at once; ten seconds of silence end nothing here, three end it there; nothing comes twice."""
    patient, hasty = proxied(), proxied(patience="3s")
    with service.client() as client:
        run = start(client, "/api/v1/sites/acme", install=["slow"])
        path = f"{run}/events?follow=true&log=true"
        until(lambda: "begun" in client.get(f"{run}/log").text)
        began = time.monotonic()
        events = read_until_cut(hasty, path, 0)
        cut = time.monotonic() - began
        with patient.stream("GET", f"{run}/log?follow=true") as answer:
            pieces = answer.iter_text()
            text = next(pieces)
            assert "begun" in text, "a line that was printed was held back"
            with patient.stream("GET", path, headers={"accept": "text/event-stream"}) as silent:
                lines = silent.iter_lines()
                heartbeat = next(line for line in lines if line.startswith(":"))
                (home / "gate").touch()
                *_, end = sse_events(lines)
            text += "".join(pieces)
        while not events or events[-1][1] != "end":
            events += read_until_cut(hasty, path, events[-1][0] if events else 0)
        whole = client.get(f"{run}/log").text
        done = finish(client, run)

    *events, last = events
    assert cut < 9, "the proxy cut nothing"
    assert ": nothing new" == heartbeat
    assert end == last
    assert list(range(1, done["last_seq"] + 1)) == [cursor for cursor, _, _ in events]
    assert whole == text == "".join((data["log"] or {}).get("text", "") for _, _, data in events)


def test_the_console_is_used_through_tls(proxied, service, browser):
    """It logs in, which compares origins behind the proxy; its cookie goes over TLS alone, and others' pages are kept out."""
    client = proxied()
    url = str(client.base_url).rstrip("/")
    with browser.new_context(locale="en-GB", ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(f"{url}/")
        page.get_by_label("Access token").fill(service.token)
        page.keyboard.press("Enter")
        page.get_by_role("link", name="acme").click()
        page.get_by_role("link", name="New plan").click()
        page.get_by_label("mysql", exact=True).check()
        page.get_by_role("button", name="Make the plan").click()
        expect(page.get_by_role("region", name="Changes")).to_contain_text("install")
        cookies = context.cookies()
    token = {"name": "x", "scopes": ["read"]}
    foreign = client.post("/api/v1/tokens", json=token, headers={"origin": "https://evil.example"})
    plain = client.post("/api/v1/tokens", json=token, headers={"origin": url.replace("https:", "http:")})

    assert [(True, True, "Strict")] == [(each["secure"], each["httpOnly"], each["sameSite"]) for each in cookies]
    assert ["foreign_origin"] * 2 == [foreign.json()["code"], plain.json()["code"]]


def test_the_unit_of_the_guide_is_one(tmp_path):
    """Systemd finds nothing to say of it, and its stop leaves runs alone."""
    if not Path(ANALYZE).exists():
        pytest.skip(f"{ANALYZE} is missing: apt-get install systemd")
    unit = tmp_path / "installkit.service"
    program = Path(sys.executable).parent / "installkit"
    unit.write_text(replaced(block("ini"), program=("/opt/installkit/bin/installkit", str(program))))
    said = subprocess.run([ANALYZE, "verify", unit], check=False, capture_output=True, text=True)

    assert (0, "") == (said.returncode, said.stderr)
    assert "\nKillMode=process\n" in unit.read_text()
