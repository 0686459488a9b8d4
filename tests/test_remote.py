"""The library over HTTP where something is wrong: connections that break, tokens, addresses, older services."""

import asyncio
import contextlib
import inspect
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import installkit
from faces import serve_here
from http_client import INVENTORY, Server
from installkit.remote import machine
from installkit.remote.problems import problem_error
from installkit_http import create_app, problems
from site_runs import until

pytest_plugins = ["http_service"]

PAIRS = [
    (installkit.Installer, installkit.RemoteInstaller),
    (installkit.Site, installkit.RemoteSite),
    (installkit.Run, installkit.RemoteRun),
    (installkit.Parameters, installkit.RemoteParameters),
    (installkit.Secrets, installkit.RemoteSecrets),
    (installkit.SiteInventory, installkit.RemoteInventory),
]
OF_THE_MACHINE = {
    "Installer.adopt": "a person says it where the journal lies",
    "Installer.check_database": "the doctor of the service has it",
    "Installer.check_secrets": "as above",
    "Installer.notify": "the service tells the notifiers of its file",
    "Installer.on": "`events(follow=True)` in a thread of the program's own is its like",
    "Installer.prune": "only one run at a time is pruned over HTTP",
    "Installer.recover": "a service does it by itself",
    "Installer.refresh": "as above",
    "Installer.reindex": "it belongs to the machine",
    "Installer.site_of_inventory": "a path of this machine says nothing there",
    "Parameters.problems": "a request that enters values has all of them",
    "Run.event_reader": "`event_follower` is its like",
    "Run.facts": "no request has them",
    "Run.log_reader": "`log_readers` has its like",
    "Run.result": "a run's state and the site's record have it",
}
"""Calls that a service does not have, and why."""


def test_what_only_the_machine_does_is_refused_by_name(server, connected):
    """With what to do instead; and a name that there is nowhere is an ordinary mistake."""
    with pytest.raises(installkit.NotOverHTTPError, match="on cannot be called over HTTP") as refused:
        connected.on("run_finished", print)
    with pytest.raises(installkit.ServiceError, match="no service of installkit") as elsewhere:
        installkit.connect(f"{server.url}/elsewhere", token=server.token)

    assert {each.partition(".")[2] for each in OF_THE_MACHINE} <= machine.OF_THE_MACHINE.keys()
    assert "events(follow=True)" in refused.value.remedy
    assert "path" in elsewhere.value.remedy
    assert not hasattr(connected, "nonsense")
    assert not hasattr(connected, "adopt")


@pytest.mark.parametrize(
    ("url", "token", "message"),
    [
        ("http://ann:secret@127.0.0.1:9/", "ik_1", "holds a user or a password"),
        ("http://127.0.0.1:9/", None, "the token is empty"),
    ],
)
def test_an_address_with_a_password_and_no_token_are_refused_at_once(url, token, message):
    with pytest.raises(installkit.ServiceError, match=message) as refused:
        installkit.connect(url, token=token)

    assert "secret" not in str(refused.value)


OTHER_ARGUMENTS = {"keep", "by"}
"""Arguments that are of the machine: a service keeps what it is told, and knows who asks by the token."""


def calls_of(kind):
    return {name for name, member in vars(kind).items() if inspect.isfunction(member) and not name.startswith("_")}


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_every_call_is_there_over_http_or_there_is_a_reason(here, there):
    """By the same name, and with the same arguments."""
    calls = {name for name in calls_of(here) if f"{here.__name__}.{name}" not in OF_THE_MACHINE}

    assert calls == calls_of(there) & calls
    for name in calls:
        arguments = [list(inspect.signature(getattr(kind, name)).parameters) for kind in (here, there)]
        assert [one for one in arguments[0] if one not in OTHER_ARGUMENTS] == arguments[1], name


def test_every_error_of_the_library_comes_back_as_itself():
    """Each that a service answers by a code of its own."""
    kinds = [(kind, status, code) for kind, status, code in problems._KINDS if kind is not installkit.RunError]
    for kind, status, code in kinds:
        answered = {"code": code, "detail": "it is so", "remedy": "do this: installkit runs", "command": ["runs"]}
        error = problem_error(status, answered, path="/runs/feed")

        assert (kind, "it is so") == (type(error), str(error))
        assert (("runs",), "do this: installkit runs") == (error.remedy.command, error.remedy)

    assert len(kinds) > 10


@pytest.fixture
def serve(tmp_path, playbooks):
    """Start services on one data directory and one port; what still runs at the end is killed."""
    with socket.socket() as free, contextlib.ExitStack() as stack:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()

        def _start():
            server = Server(tmp_path / "data", "-c", f"products={playbooks}", "--port", str(port))
            stack.callback(server.end)
            return server

        yield _start


@pytest.fixture
def server(serve):
    return serve()


@pytest.fixture
def connected(server):
    with installkit.connect(server.url, token=server.token) as remote:
        remote.create_site("acme", inventory=INVENTORY)
        yield remote


@pytest.fixture
def slow(connected, tmp_path):
    """A run that waits for the file `gate`."""
    run = connected.site("acme").apply(install=["slow"], checks=False)
    yield run
    (tmp_path / "gate").touch()


class Collected(threading.Thread):
    """What an iterator gives, taken in a thread."""

    def __init__(self, iterator):
        super().__init__(daemon=True)
        self.items, self.error, self._iterator = [], None, iterator
        self.start()

    def run(self):
        """Take all."""
        try:
            self.items.extend(self._iterator)
        except Exception as exc:  # noqa: BLE001 - the test looks at it
            self.error = exc

    def ended(self):
        """Return what it gave, at its end."""
        self.join(60)
        assert not self.is_alive()
        assert self.error is None
        return self.items


def test_followers_go_on_where_the_service_is_killed_and_started_anew(serve, server, slow, tmp_path):
    """Without a gap, without anything twice, and to the end of the run."""
    seen = []
    events = Collected(seen.append(event) or event for event in slow.events(follow=True))
    log = Collected(slow.follow_log("slow"))
    waited = Collected(iter(lambda: slow.wait(60).status.final, True))
    until(lambda: any(event.kind == "task_result" for event in seen))
    server.end()
    time.sleep(0.5)
    again = serve()
    assert server.url == again.url
    (tmp_path / "gate").touch()

    whole = list(range(1, slow.wait(60).snapshot().last_seq + 1))
    assert whole == [event.seq for event in events.ended()] == [event.seq for event in slow.events()]
    assert slow.log("slow") == b"".join(log.ended())
    assert [] == waited.ended()


class Proxy:
    """
    Passes connections on to the port *to*.

    Attributes:
        limit: Bytes of answers after which a connection is cut; None for never.
        lose: The beginning of a request whose answer is lost, once.
    """

    def __init__(self, to):
        self.limit = self.lose = None
        self.connections = 0
        self._to, self._threads = to, []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._start(self._accept)

    def _start(self, function, *args):
        self._threads.append(threading.Thread(target=function, args=args, daemon=True))
        self._threads[-1].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                self.connections += 1
                self._start(self._connect, here)

    def _connect(self, here):
        lost = threading.Event()
        with here, socket.create_connection(("127.0.0.1", self._to)) as there:
            asking = threading.Thread(target=self._ask, args=(here, there, lost), daemon=True)
            asking.start()
            sent = 0
            with contextlib.suppress(OSError):
                while (data := there.recv(2048)) and not lost.is_set():
                    if self.limit is not None and sent >= self.limit:
                        break
                    here.sendall(data)
                    sent += len(data)
            for end in (here, there):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            asking.join()

    def _ask(self, here, there, lost):
        with contextlib.suppress(OSError):
            while data := here.recv(4096):
                if self.lose and data.startswith(self.lose):
                    self.lose = None
                    lost.set()
                there.sendall(data)
            there.shutdown(socket.SHUT_RDWR)

    def close(self):
        """Take no further connection, and wait for the end of those that there are."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(20)


@pytest.fixture
def proxied(server, connected):
    """A proxy, and what connects through it."""
    proxy = Proxy(int(server.url.rpartition(":")[2]))
    try:
        yield proxy, lambda **options: installkit.connect(proxy.url, token=server.token, **options)
    finally:
        proxy.close()


def test_a_proxy_that_cuts_each_connection_costs_nothing(proxied, slow, tmp_path):
    """Each connection brings something, and what was not whole comes again."""
    (tmp_path / "gate").touch()
    whole = list(slow.events(follow=True))
    proxy, connect = proxied
    with connect() as remote:
        run = remote.run(slow.id)
        assert slow.plan == run.plan  # it is asked for once, and larger than a connection will be
        proxy.limit = 4096
        followed = list(run.events(follow=True))
        log = b"".join(run.follow_log("slow"))

    assert 4 < proxy.connections
    assert whole == followed
    assert slow.log("slow") == log


def test_a_follower_of_asyncio_goes_on_through_a_proxy_that_cuts(proxied, slow, server, tmp_path):
    (tmp_path / "gate").touch()
    whole = list(slow.events(follow=True))
    proxy, _ = proxied

    async def follow():
        async with installkit.AsyncInstaller.connect(proxy.url, token=server.token) as remote:
            run = await remote.run(slow.id)
            steps = await run.find_steps("slow")
            proxy.limit = 4096
            events = [event async for event in run.events(follow=True)]
            return events, b"".join([chunk async for chunk in run.follow_log(steps[0])])

    assert (whole, slow.log("slow")) == asyncio.run(follow())
    assert 4 < proxy.connections


def test_a_proxy_that_lets_nothing_through_is_told(proxied, slow):
    proxy, connect = proxied
    with connect(patience=1.0) as remote:
        run = remote.run(slow.id)
        proxy.limit = 0
        began = time.monotonic()
        with pytest.raises(installkit.ServiceError, match="cannot be reached"):
            list(run.events(follow=True))

        assert 1.0 < time.monotonic() - began < 20


def test_an_answer_that_is_lost_starts_nothing_twice(proxied, connected):
    """The request is sent again with its key, or names its plan."""
    proxy, connect = proxied
    with connect() as remote:
        site = remote.site("acme")
        for start in (
            site.start_check,
            lambda plan: site.start(plan, check_mode=True, checks=False),
            lambda plan: site.start(plan, checks=False),
        ):
            before, plan = len(connected.runs()), site.plan(install=["mysql"])
            proxy.lose = b"POST"
            run = start(plan)

            assert proxy.lose is None
            assert before + 1 == len(connected.runs())
            run.wait(60)


def test_a_token_that_is_refused_says_what_it_needs(server, connected, installer_of):
    connected.site("acme").parameters.set({"mysql_port": 3307})
    with pytest.raises(installkit.ServiceError, match="refused the token: the access token is not valid") as wrong:
        installkit.connect(server.url, token="ik_nothing")
    _, text = installer_of.access.create_token("reader", [installkit.Scope.READ])
    with installkit.connect(server.url, token=text) as reading:
        site = reading.site("acme")
        assert {"mysql_port": 3307} == site.parameters.values().site
        with pytest.raises(installkit.ServiceError, match="needs the scope 'operate'") as small:
            site.plan(install=["mysql"])
        with pytest.raises(installkit.ServiceError, match="needs the scope 'admin'"):
            reading.create_site("other", inventory=INVENTORY)

    assert (401, 403) == (wrong.value.status, small.value.status)
    assert ("token", "create", "NAME", "--scope", "operate") == small.value.remedy.command
    for text in ("", "two words", "ä"):
        with pytest.raises(installkit.ServiceError, match="the token is empty"):
            installkit.connect(server.url, token=text)


@pytest.fixture
def installer_of(tmp_path, server):
    with installkit.Installer(tmp_path / "data") as installer:
        yield installer


@pytest.mark.parametrize(
    "url", ["", "ops.example.com", "ftp://ops.example.com", "http://", "http://x:port", "http://["]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(installkit.ServiceError, match="is not the address of a service"):
        installkit.connect(url, token="t")


def test_where_nobody_is_the_error_says_so(server):
    address = server.url
    server.end()
    with pytest.raises(installkit.ServiceError, match="cannot be reached") as nobody:
        installkit.connect(address, token="t")

    assert address in str(nobody.value)
    assert "installkit serve" in nobody.value.remedy


def test_https_for_http_and_http_for_https_are_told(server, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate]
    subprocess.run(
        [*command, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with other_server(Elsewhere) as plain, other_server(Installkit, context) as port:
        with pytest.raises(installkit.ServiceError, match="does not speak TLS as asked") as no_tls:
            installkit.connect(f"https://localhost:{plain}", token="t")
        with pytest.raises(installkit.ServiceError) as with_tls:
            installkit.connect(f"http://localhost:{port}", token="t")
        with pytest.raises(installkit.ServiceError, match="its certificate is not trusted") as strange:
            installkit.connect(f"https://localhost:{port}", token="t")
        with installkit.connect(f"https://localhost:{port}", token="t", ca_file=certificate) as trusted:
            assert "9.9" == trusted.version

    assert "http://" in no_tls.value.remedy
    assert "https://" in with_tls.value.remedy
    assert "ca_file" in strange.value.remedy
    with pytest.raises(installkit.ServiceError, match="cannot be used"):
        installkit.connect("https://localhost:1", token="t", ca_file=key)


class Elsewhere(BaseHTTPRequestHandler):
    """A server of something else."""

    def do_GET(self):
        """Answer with a page."""
        moved = self.path.startswith("/moved")
        self.send_response(301 if moved else 200)
        self.send_header("content-type", "text/html")
        if moved:
            self.send_header("location", "https://ops.example.com/api/v1/info")
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, *_):
        """Write no log."""


class Installkit(Elsewhere):
    """A service of another version, which has only one request."""

    def do_GET(self):
        """Answer as an installkit."""
        scopes = {"id": "1", "name": "me", "scopes": ["read"], "created_at": "2026-01-01T00:00:00Z"}
        known = self.path == "/api/v1/info"
        body = (
            {"installkit": "9.9", "token": scopes}
            if known
            else {"code": "not_found", "detail": "there is nothing at this address"}
        )
        self.send_response(200 if known else 404)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


@contextlib.contextmanager
def other_server(handler, context=None):
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # a client that speaks another language
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_what_answers_and_is_no_service_is_told():
    with other_server(Elsewhere) as port:
        with pytest.raises(installkit.ServiceError, match="is no service of installkit"):
            installkit.connect(f"http://127.0.0.1:{port}", token="t")
        with pytest.raises(installkit.ServiceError, match=r"sends its visitors to https://ops\.example\.com"):
            installkit.connect(f"http://127.0.0.1:{port}/moved", token="t")


def test_a_service_that_lacks_a_request_is_named_with_both_versions():
    """An older one does not have all that a newer client asks for."""
    with other_server(Installkit) as port, installkit.connect(f"http://127.0.0.1:{port}", token="t") as remote:
        with pytest.raises(installkit.ServiceError, match=r"has no request GET /plans/feed") as missing:
            remote.plan("feed")

        assert f"it is installkit 9.9, and this is {installkit.__version__}" in str(missing.value)
        assert "up to date" in missing.value.remedy


def test_a_service_that_is_mounted_has_a_path(installer, playbooks):
    app = create_app(installer, catalogs={"products": playbooks})
    mounted = Starlette(routes=[Mount("/one/deep", app)], lifespan=lambda _: app.router.lifespan_context(app))
    _, text = installer.access.create_token("me", [installkit.Scope.ADMIN])
    with serve_here(mounted) as address:
        for end in ("", "/", "/api/v1"):
            with installkit.connect(f"{address}/one/deep{end}", token=text) as remote:
                assert f"{address}/one/deep" == remote.address
                assert ("products",) == remote.catalogs()
        with pytest.raises(installkit.ServiceError, match="is no service of installkit"):
            installkit.connect(address, token=text)


def test_paths_of_this_machine_are_refused_by_name(connected, tmp_path):
    """The service would read another file, or none."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {h1: null}}\n")
    site = connected.site("acme")
    plan = site.plan(install=["mysql"])
    for call, name, remedy in (
        (lambda: connected.create_site("b", inventory=inventory), inventory, "read_text"),
        (lambda: connected.create_site("b", inventory=str(inventory)), inventory, "read_text"),
        (lambda: site.inventory.replace(inventory), inventory, "read_text"),
        (lambda: connected.site("acme", inventory=inventory), inventory, "create_site"),
        (lambda: connected.site("acme", catalog=tmp_path), tmp_path, "catalogs()"),
        (lambda: connected.create_site("b", inventory=INVENTORY, catalog=str(tmp_path)), tmp_path, "catalogs()"),
        (lambda: site.start(plan, private_key="~/.ssh/id_ed25519"), "private_key", "leave it out"),
        (lambda: site.apply(install=["mysql"], user="root", become=True), "user", "leave it out"),
    ):
        with pytest.raises(installkit.PlanningError, match=str(name)) as refused:
            call()

        assert remedy in refused.value.remedy
    assert () == connected.runs()


def test_a_plan_that_the_service_does_not_keep_is_not_started(connected):
    """What was shown is what is carried out."""
    site = connected.site("acme")
    plan = site.plan(install=["mysql"])
    with pytest.raises(installkit.PlanningError, match="it was edited"):
        site.start(attrs.evolve(plan, steps=plan.steps[:1]))
    connected.delete_plan(plan.id)
    with pytest.raises(installkit.PlanningError, match="keeps no plan"):
        site.start(plan)


def test_two_objects_of_one_run_are_one_and_are_compared_with_runs_of_their_service(connected):
    site = connected.site("acme")
    run = site.record(["mysql=1.0"], checks=False).wait(60)

    assert {run} == {run, connected.run("last")}
    assert {site} == {site, connected.site("acme")}
    for other, error in ((run, installkit.InstallkitError), (run.id, TypeError)):
        with pytest.raises(error):
            run.compare(other)


def test_a_follower_of_asyncio_takes_no_thread_and_goes_at_once(server, slow):
    async def follow():
        async with installkit.AsyncInstaller.connect(server.url, token=server.token) as remote:
            run = await remote.run(slow.id)
            seen = [0] * 20

            async def count(number):
                async for _ in run.events(follow=True):
                    seen[number] += 1

            tasks = [asyncio.create_task(count(number)) for number in range(len(seen))]
            async with asyncio.timeout(60):
                while min(seen) < 3:  # noqa: ASYNC110 - a test's way to wait
                    await asyncio.sleep(0.05)
            threads = threading.active_count()
            began = time.monotonic()
            tasks[0].cancel()
            await asyncio.wait([tasks[0]])
            took = time.monotonic() - began
            with pytest.raises(TimeoutError, match=r"has not ended within 0\.2 s"):
                await run.wait(0.2)
            with pytest.raises(installkit.PlanningError, match="prune cannot be called over HTTP"):
                await remote.prune()
            await run.cancel(now=True)
            await run.wait(60)
            await asyncio.gather(*tasks[1:])
            return seen, threads, took

    before = threading.active_count()
    seen, threads, took = asyncio.run(follow())

    assert {slow.snapshot().last_seq} == set(seen[1:])
    assert threads - before <= 16
    assert took < 0.05


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(installkit.InstallkitError, match="httpx2 is not installed") as missing:
        installkit.connect("http://127.0.0.1:1", token="t")

    assert "installkit[remote]" in missing.value.remedy
