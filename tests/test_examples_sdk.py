"""Every example, run as its reader would, in a copy of the folder `examples`."""

import email
import http.server
import importlib.util
import json
import os
import shutil
import socketserver
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import httpx2
import nbformat
import pytest
from nbclient import NotebookClient

import installkit
from installkit.testing import FakeAnsible
from site_runs import until
from waiting_runs import start_waiting

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """A copy of the examples, with a data directory of its own as the usual one."""
    monkeypatch.setenv("INSTALLKIT_DATA_DIR", str(tmp_path / "data"))
    return shutil.copytree(EXAMPLES, tmp_path / "examples")


def python(*arguments, folder):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=110)


def pages_of(folder, name):
    """Run the notebook *name*, and return what each code cell shows, as the best of its MIME types."""
    return shown_by(nbformat.read(folder / f"{name}.ipynb", as_version=4), folder)


def shown_by(notebook, folder):
    """Run *notebook* in *folder*, and return the same of it."""
    client = NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return ["".join(map(_shown, cell.outputs)) for cell in notebook.cells if cell.cell_type == "code"]


def under(heading, notebook):
    """Return the first code cell of *notebook* under *heading*."""
    start = next(index for index, cell in enumerate(notebook.cells) if heading in cell.source)
    return next(cell for cell in notebook.cells[start:] if cell.cell_type == "code")


def _shown(output):
    if output.output_type == "stream":
        return output.text
    data = output.data
    return data.get("text/html") or data.get("image/svg+xml") or data["text/plain"]


def load_example(name):
    """Return the program *name* as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def keep_one_component(examples):
    """Leave only the store in the catalog: enough to see that a program works."""
    for path in (examples / "catalog/playbooks").glob("*web*"):
        path.unlink()


@pytest.mark.long
def test_the_script_installs_and_says_what_is_installed(examples):
    keep_one_component(examples)
    done = python("install.py", "catalog/playbooks", "catalog/hosts.yml", folder=examples)

    assert "" == done.stderr
    assert "succeeded  install store on db1" in done.stdout
    assert done.stdout.endswith("store 1.1 on db1: installed\n")


@pytest.mark.long
def test_the_asyncio_program_installs_on_several_sites_at_once(examples):
    keep_one_component(examples)
    for name in ("north", "south"):
        (examples / name).mkdir()
        shutil.copy(examples / "catalog/hosts.yml", examples / name)
    done = python("watch_many.py", "catalog/playbooks", "north/hosts.yml", "south/hosts.yml", folder=examples)

    assert "" == done.stderr
    for name in ("north", "south"):
        assert f"{name}: 01-store-install succeeded" in done.stdout
        assert (examples / name / "installed" / "db1" / "store.conf").exists()
    assert 2 == done.stdout.count("2 of 2 steps succeeded")


@pytest.fixture
def acme(tmp_path, folder):
    """A site of two hosts with one component that can be verified, whose playbooks are carried out without Ansible."""
    (folder / "01.app.yml").write_text("- hosts: all\n  tasks: [{name: Unpack, command: unpack}]\n")
    (folder / "01.app.verify.yml").write_text("- hosts: all\n  tasks: [{name: Ask, command: ask}]\n")
    fake = FakeAnsible()
    with installkit.Installer(tmp_path / "fake", ansible=fake) as installer:
        hosts = {"all": {"hosts": {"h1": None, "h2": None}}}
        yield installer, installer.create_site("acme", inventory=hosts, catalog=folder), fake


def test_what_is_not_as_it_was_is_said_and_recorded(acme, capsys):
    """A site without anything is left alone; where all is well nothing is said."""
    installer, site, fake = acme
    drift = load_example("drift")
    nothing = drift.main(installer)
    site.apply(install=["app"]).wait(10).raise_for_status()
    well = drift.main(installer)
    said = capsys.readouterr().out
    fake.update({"app/verify@h2": "failed"})
    broken = drift.main(installer)

    assert (0, 0, 1) == (nothing, well, broken)
    assert "" == said
    assert "acme: app on h2: " in capsys.readouterr().out
    assert {"h1": "installed", "h2": "failed"} == {row.host: row.status for row in site.installed()}


def test_hosts_that_could_not_be_reached_are_tried_again(acme, monkeypatch):
    """Alone: what a task refused would be refused again."""
    _, site, fake = acme
    stubborn = load_example("stubborn")
    fake.update({"app@h2": "unreachable"})
    clock = SimpleNamespace(sleep=lambda _: fake.update({"app@h2": "ok"}))
    monkeypatch.setattr(stubborn, "time", clock)
    run = stubborn.install(site, waits=(1,))

    assert ("h2",) == run.plan.steps[-2].hosts
    site.forget(["app"]).wait(10)
    fake.update({"app@h1": "failed"})
    before = len(site.runs())
    with pytest.raises(installkit.RunFailedError):
        stubborn.install(site, waits=(1,))
    assert before + 1 == len(site.runs())


@pytest.mark.long
def test_the_rollout_installs_site_by_site(examples):
    keep_one_component(examples)
    shutil.copy(examples / "catalog/hosts.yml", examples / "catalog/south.yml")
    done = python("tool/rollout.py", "catalog/playbooks", "catalog/hosts.yml", "catalog/south.yml", folder=examples)

    assert (0, "") == (done.returncode, done.stderr)
    assert "hosts: succeeded\nsouth: succeeded\n" == done.stdout


def test_the_tests_of_the_rollout_pass_without_ansible(examples):
    """They need no program of Ansible's, and no host."""
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", "tool", folder=examples)

    assert 0 == done.returncode, done.stdout
    assert "6 passed" in done.stdout


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("tool/rollout.py", "usage: rollout.py"),
        ("tool/rollout.py nope catalog/hosts.yml", "error: "),
        ("install.py", "usage: install.py"),
        ("watch_many.py", "usage: watch_many.py"),
        ("watch_many.py nope catalog/hosts.yml", "error: "),
        ("stubborn.py", "usage: stubborn.py"),
        ("stubborn.py nobody", "error: "),
        ("notify.py zz", "error: no run has an id that begins with 'zz'\n"),
    ],
)
def test_a_program_that_is_called_wrongly_says_so(examples, command, message):
    done = python(*command.split(), folder=examples)

    assert 0 != done.returncode
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr


def test_the_service_answers_below_an_app_of_ones_own(examples, tmp_path):
    """The app's own page and the service's interface are at one address."""
    environment = {**os.environ, "INSTALLKIT_PLAYBOOKS": "catalog/playbooks"}
    command = [sys.executable, "-m", "uvicorn", "service:app", "--uds", str(tmp_path / "socket")]
    with subprocess.Popen(command, cwd=examples, env=environment, stderr=subprocess.PIPE) as server:
        client = httpx2.Client(transport=httpx2.HTTPTransport(uds=str(tmp_path / "socket")), base_url="http://app")
        until((tmp_path / "socket").exists)
        until(lambda: client.get("/installkit/readyz").status_code == 200)
        token = (tmp_path / "data" / "access-token").read_text().strip()
        catalogs = client.get("/installkit/api/v1/catalogs", headers={"authorization": f"Bearer {token}"}).json()
        overview = client.get("/overview").json()
        client.close()
        server.terminate()
        server.communicate(timeout=30)

    assert "products" in json.dumps(catalogs)
    assert {} == overview


class Webhook(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted to it."""

    def do_POST(self):
        """Answer 204."""
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


class Mailbox(socketserver.StreamRequestHandler):
    """A mail server that takes one mail."""

    def handle(self):
        """Speak as much SMTP as a client needs."""
        self.wfile.write(b"220 mail\r\n")
        for line in map(bytes.upper, self.rfile):
            if line.startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.told.append(email.message_from_bytes(b"".join(lines)))
            self.wfile.write(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 ok\r\n")


@pytest.fixture
def listeners():
    """A webhook and a mailbox, each with what it was told."""
    servers = [http.server.HTTPServer(("127.0.0.1", 0), Webhook), socketserver.TCPServer(("127.0.0.1", 0), Mailbox)]
    threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}) for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.told = []
        thread.start()
    yield servers
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.long
def test_a_failed_run_is_told_to_a_webhook_and_a_mailbox(examples, listeners):
    """A check of one's own finds too little space: that is the failure that is told."""
    webhook, mailbox = listeners
    with installkit.Installer() as installer:
        site = installer.site("acme", inventory=examples / "catalog/hosts.yml", catalog=examples / "check")
        site.parameters.set({"archive_folder": str(examples / "archive"), "archive_size_gb": 10_000_000})
        run = site.start(site.plan(check=["archive"], limit="db1")).wait(60)
    addresses = f"http://127.0.0.1:{webhook.server_port}", f"127.0.0.1:{mailbox.server_address[1]}"
    done = python(
        *("notify.py", "last", "--webhook", addresses[0], "--mail-server", addresses[1], "--to", "ops@example.org"),
        folder=examples,
    )

    assert "" == done.stderr
    (posted,), (mail,) = webhook.told, mailbox.told
    assert f"installkit: run {run.id[:6]} on acme failed" == posted["text"] == mail["subject"]
    assert run.id == posted["run"]["id"]
    assert "ops@example.org" == mail["to"]
    assert "10000000 GB are needed" in mail.get_payload(decode=True).decode()


@pytest.mark.long
def test_notebook_first_install(examples):
    """From a catalog to what is installed; every value shows itself, and the same request again plans nothing."""
    _, catalog, plan, graph, watched, site, timeline, again = pages_of(examples / "notebooks", "first_install")

    assert "Where the pages are kept" in catalog
    assert "2 to install" in plan
    assert graph.startswith("<svg")
    assert "4 of 4 steps" in watched
    assert "installed" in site
    assert "Write its page" in timeline
    assert "3 steps" not in again


@pytest.mark.long
def test_notebook_diagnose(examples):
    """A failure is found by its message, its log and its events; what goes on afterwards does the rest."""
    _, watched, failures, log, events, plan, again, compared = pages_of(examples / "notebooks", "diagnose")

    cause = "a cache of 256 MB does not fit in the 100 MB of web2"
    assert all(cause in shown for shown in (watched, failures, log))
    assert "web2" in events
    assert "web2" in plan
    assert "succeeded" in again
    assert "before" in compared


@pytest.mark.long
def test_notebook_fleet(examples):
    """Three sites, one overview; the one that lags behind has a plan for its upgrade."""
    _, run, overview, behind, runs = pages_of(examples / "notebooks", "fleet")

    assert "north" in run
    assert all(name in overview for name in ("north", "south", "west", "1.0", "1.1"))
    assert "upgrade 1.0 → 1.1" in behind
    assert 1 == behind.count("to upgrade")
    assert 3 == runs.count("succeeded")


@pytest.mark.long
def test_notebooks_go_on_where_there_is_nothing(examples):
    """The overview of a site where nothing is installed, and the failures of a run that has none, are empty tables."""
    folder, waited = examples / "notebooks", examples / "waited"
    with installkit.Installer() as installer:
        installer.site("empty", inventory=examples / "catalog/hosts.yml", catalog=examples / "catalog/playbooks")
    with installkit.Installer(waited) as installer:
        start_waiting(installer, hosts=("h1",)).wait(20)
    fleet, diagnose = (nbformat.read(folder / f"{name}.ipynb", as_version=4) for name in ("fleet", "diagnose"))
    begin = f"import installkit\ninstaller, failed = installkit.Installer(), installkit.Installer({str(waited)!r}).run('last')"
    headings = ("The overview", "Whoever can be upgraded", "The last runs")
    cells = [*(under(heading, fleet) for heading in headings), under("What went wrong", diagnose)]
    _, overview, behind, runs, failures = shown_by(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(begin), *cells]), folder
    )

    assert "" == behind
    assert "<td>" not in overview + runs + failures
    assert "<th>started_at</th>" in runs
    assert "<th>summary</th>" in failures


@pytest.mark.long
@pytest.mark.usefixtures("hosts_available")
def test_a_catalog_of_ones_own_is_tested_on_real_hosts(examples):
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "catalog", folder=examples)

    assert "2 passed" in done.stdout, done.stdout
