"""What tests of the HTTP service share: inventories, playbooks, and how to wait, read and start."""

import contextlib
import json
import subprocess
import sys
import tempfile

import httpx2
from starlette.testclient import TestClient

from installkit_http import create_app
from site_runs import until

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}

INVENTORY = {"all": {"hosts": {"h1": {**LOCAL}, "h2": {**LOCAL}}}}

SAY = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: "hällo"}
"""

MANIFEST = """
name: mysql
versions: ["1.0"]
parameters:
  mysql_port: {type: port, default: 23306}
  mysql_root_password: {type: string, secret: true}
actions: {install: 03.mysql.yml}
"""

GATED = """
- hosts: h1
  gather_facts: false
  tasks:
    - debug: {msg: "begun"}
    - shell: while ! test -e %s; do sleep 0.05; done
    - debug: {msg: "line {{ item }}"}
      loop: "{{ range(40) | list }}"
"""


def write_playbooks(folder, *, gate):
    """Write a catalog: one component with a manifest, and one that waits until there is a file *gate*."""
    folder.mkdir()
    (folder / "03.mysql.yml").write_text(SAY)
    (folder / "mysql.component.yml").write_text(MANIFEST)
    (folder / "08.slow.yml").write_text(GATED % gate)
    return folder


@contextlib.contextmanager
def open_client(installer, playbooks):
    """Serve *installer* in this process, and give a client with a token for everything."""
    with TestClient(create_app(installer, catalogs={"products": playbooks})) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        text = (installer.folders.data / "access-token").read_text().strip()
        client.headers["authorization"] = f"Bearer {text}"
        yield client


def sse_events(lines):
    """Yield (id, event, data) of each server-sent event in *lines*; comments are passed over."""
    fields = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields.get("event"):
            cursor = fields["id"]
            yield int(cursor) if cursor.isdigit() else cursor, fields["event"], json.loads(fields["data"])
            fields = {}


def start(client, site, **request):
    """Plan and start without installkit's own checks, and return the path of the run."""
    plan = client.post(f"{site}/plans", json=request)
    assert 201 == plan.status_code, plan.text
    run = client.post(f"{plan.headers['location']}/runs", json={"checks": False})
    assert 202 == run.status_code, run.text
    return run.headers["location"]


def finish(client, run):
    return until(lambda: (now := client.get(run).json())["finished_at"] and now, timeout=90)  # it may be busy


class Server:
    """A service in a process of its own."""

    def __init__(self, data, *options):
        command = [sys.executable, "-m", "installkit_http", "--data-dir", str(data), "--port", "0", *options]
        # a file, not a pipe that nobody empties: a service whose pipe is full waits for ever to log the next request
        self.errors = tempfile.TemporaryFile("a+")  # noqa: SIM115 - closed in `end`
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        first = self.process.stdout.readline()
        assert first.startswith("installkit serves "), self.logged()
        self.url = first.split()[-1].rstrip("/")
        self._wait_until_ready()
        self.token = (data / "access-token").read_text().strip()

    def _wait_until_ready(self):
        try:
            until(lambda: httpx2.get(f"{self.url}/readyz", timeout=60).status_code == 200, timeout=60)  # it may be busy
        except BaseException:
            self.end()
            raise

    def client(self):
        """Return a client with a token for everything."""
        return httpx2.Client(base_url=self.url, headers={"authorization": f"Bearer {self.token}"}, timeout=60)

    def logged(self):
        """Return what it wrote to stderr."""
        self.errors.seek(0)
        return self.errors.read()

    def end(self):
        """Kill it, if it still runs; again does nothing."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
