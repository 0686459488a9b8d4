"""Notifiers: who is told what becomes of runs, by functions, entry points and a file of the service."""

import base64
import hashlib
import hmac
import http.server
import json
import shutil
import socketserver
import sys
import threading
import time
import urllib.parse
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import installkit
from installkit.testing import FakeAnsible
from installkit_http import create_app
from site_runs import until
from test_examples_sdk import Mailbox

EXAMPLE = Path(__file__).parent.parent / "examples" / "notifiers"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
PLAY = "- hosts: all\n  tasks: [{name: Unpack, command: unpack}]\n"


class Chat(http.server.BaseHTTPRequestHandler):
    """Takes what Slack and DingTalk take, and answers as they do."""

    def do_POST(self):
        """Refuse the first ones, if told so; keep the others with their address."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.server.refusals:
            self.server.refusals -= 1
            self.send_error(503)
            return
        self.server.told.append((self.path, body))
        answer = b'{"errcode": 310000, "errmsg": "sign not match"}' if "wrong" in self.path else b"ok"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def chat():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    server.told, server.refusals = [], 0
    server.url = f"http://127.0.0.1:{server.server_port}/robot?access_token=abc"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fake():
    return FakeAnsible({"app@h2": "failed"})


@pytest.fixture
def installer(tmp_path, fake):
    with installkit.Installer(tmp_path / "fake", ansible=fake) as installer:
        yield installer


@pytest.fixture
def site(installer, folder):
    (folder / "01.app.yml").write_text(PLAY)
    return installer.create_site("acme", inventory={"all": {"hosts": {"h1": None, "h2": None}}}, catalog=folder)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package of examples, as if it were installed."""
    installed = tmp_path / "site-packages"
    shutil.copytree(EXAMPLE, installed)
    metadata = installed / "acme_notifiers-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-notifiers\nVersion: 1.0\n")
    names = "".join(f"{name} = acme_notifiers:{name}\n" for name in ("mail", "webhook", "slack", "dingtalk"))
    (metadata / "entry_points.txt").write_text(f"[installkit.notifiers]\n{names}")
    monkeypatch.syspath_prepend(str(installed))
    yield installed
    sys.modules.pop("acme_notifiers", None)


def test_a_function_is_told_how_a_run_ended(installer, site):
    """With the failures and a link; what it is told last is told before the installer is closed."""
    told = []
    installer.notify(told.append, address="https://ops.example.org/", site="acme")
    run = site.apply(install=["app"]).wait(10)
    installer.close()
    (notice,) = told

    assert installkit.EventKind.RUN_FINISHED is notice.kind
    assert f"acme: run {run.id[:6]} failed" == notice.summary
    assert "app" in notice.details
    assert "h2" in notice.details
    assert f"https://ops.example.org/#/runs/{run.id}" == notice.link
    assert installkit.RunStatus.FAILED is notice.run.status
    assert installkit.to_wire(notice)["run"]["id"] == run.id


def test_a_notifier_that_fails_is_tried_again_and_stops_no_other(installer, site, caplog):
    calls, others = [], []

    def _refuse(notice):
        calls.append(notice)
        if len(calls) == 1:
            raise OSError("no line")

    installer.notify(_refuse)
    installer.notify(others.append)
    site.apply(install=["app"]).wait(10)
    until(lambda: len(calls) == 2)

    assert 1 == len(others)
    assert calls[0] == calls[1]
    assert [] == caplog.messages


def test_a_notifier_is_told_only_what_it_was_told_of(installer, site):
    """Of other kinds and of other sites nothing; and nothing once its subscription is closed."""
    told, none = [], []
    begun = installer.notify(told.append, kinds="run_started")
    installer.notify(none.append, site="elsewhere")
    site.apply(install=["app"]).wait(10)
    until(lambda: told)
    begun.close()
    site.apply(install=["app"]).wait(10)
    installer.close()

    assert ["run_started"] == [notice.kind for notice in told]
    assert [] == none


@pytest.mark.parametrize("name", ["slack", "webhook", "dingtalk"])
def test_the_example_tells_a_chat(installer, site, package, chat, name):
    """Also where the chat is away at first."""
    chat.refusals = 1
    installer.notify(name, settings={"url": chat.url})
    run = site.apply(install=["app"]).wait(10)
    until(lambda: chat.told)
    (address, body) = chat.told[0]

    assert address.startswith("/robot?access_token=abc")
    assert f"acme: run {run.id[:6]} failed" in json.dumps(body)
    assert {"slack": ["text"], "dingtalk": ["msgtype", "text"]}.get(name, [*body]) == [*body]


def test_dingtalk_is_signed_and_its_refusal_is_one(package, chat, caplog):
    """As its robots ask for: the signature is made of the time and the secret."""
    tell = installkit.load_notifier("dingtalk", {"url": chat.url, "secret": "SEC1"})
    tell(_notice())
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(chat.told[0][0]).query)
    (stamp,), (sign,) = query["timestamp"], query["sign"]
    expected = hmac.new(b"SEC1", f"{stamp}\nSEC1".encode(), hashlib.sha256).digest()

    assert abs(time.time() * 1000 - int(stamp)) < 60_000
    assert base64.b64encode(expected).decode() == sign
    with pytest.raises(OSError, match="sign not match"):
        installkit.load_notifier("dingtalk", {"url": f"{chat.url}&wrong=1"})(_notice())


def test_the_example_sends_a_mail(package):
    with socketserver.TCPServer(("127.0.0.1", 0), Mailbox) as server:
        server.told = []
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        settings = {"server": f"127.0.0.1:{server.server_address[1]}", "to": "ops@example.org"}
        installkit.load_notifier("mail", settings)(_notice())
        thread.join()
    (mail,) = server.told

    assert "acme: run 012345 succeeded" == mail["subject"]
    assert "ops@example.org" == mail["to"]


def _notice():
    now = installkit.RunSnapshot(
        id="0123456789ab", site="acme", plan="0123456789ab", status="succeeded", requested_by="ann", created_at=NOW
    )
    event = installkit.Event(seq=9, time=NOW, kind=installkit.EventKind.RUN_FINISHED, run=now.id, status="succeeded")
    arrival = installkit.Arrival(cursor="a-1", site="acme", component=None, event=event)
    return installkit.Notice(
        kind=event.kind, summary="acme: run 012345 succeeded", details="", run=now, arrival=arrival
    )


def test_what_is_wrong_with_a_notifier_is_said(installer, site, package):
    notify = installer.notify
    with pytest.raises(
        installkit.UnknownNameError, match="no installed package offers a notifier 'pigeon': dingtalk, m"
    ):
        notify("pigeon")
    with pytest.raises(installkit.PlanningError, match="the notifier 'slack' cannot be made: setting 'url' is missing"):
        notify("slack")
    with pytest.raises(installkit.UnknownNameError):
        notify(print, kinds="run_ended")


def test_the_service_tells_the_notifiers_of_its_file(installer, site, package, chat, monkeypatch):
    """Values come from the environment where the file says so."""
    monkeypatch.setenv("CHAT_URL", chat.url)
    path = package / "notifiers.yml"
    settings = "settings: {url: '${CHAT_URL}'}"
    path.write_text(
        f"address: https://ops.example.org\nnotifiers:\n  - {{notifier: slack, sites: [acme], {settings}}}\n"
    )
    with TestClient(create_app(installer, notify=path)):
        run = site.apply(install=["app"]).wait(10)
        until(lambda: chat.told)

    assert f"https://ops.example.org/#/runs/{run.id}" in chat.told[0][1]["text"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("notifiers: [{notifier: slack, kind: [run_finished]}]", "/notifiers/0/kind"),
        ("notifiers: [{notifier: slack, kinds: [run_ended]}]", "/notifiers/0/kinds/0"),
        ("- slack", "the file"),
        ("notifiers: [", "is not YAML"),
        ("notifiers: [{notifier: slack, settings: {url: '${NO_SUCH}'}}]", "the environment has no NO_SUCH"),
    ],
)
def test_a_wrong_file_of_notifiers_is_refused_with_its_place(tmp_path, text, message):
    path = tmp_path / "notifiers.yml"
    path.write_text(text)
    with pytest.raises(installkit.DefinitionError) as refused:
        installkit.read_notifiers(path)

    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_the_file_of_the_example_is_right(monkeypatch):
    monkeypatch.setenv("SLACK_WEBHOOK", "https://hooks.slack.com/services/x")
    file = installkit.read_notifiers(EXAMPLE / "notifiers.yml")

    assert ["mail", "slack"] == [each.notifier for each in file.notifiers]
    assert "https://hooks.slack.com/services/x" == file.notifiers[1].settings["url"]
