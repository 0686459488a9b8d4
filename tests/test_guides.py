"""The guides' commands and code, carried out in a row where a reader would be."""

import shutil
import subprocess
import sys

import pytest
import yaml

import installkit
from guide import ROOT, Guide, blocks_of
from http_client import Server
from installkit import RunStatus

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

WRITE = """\
- hosts: {hosts}
  gather_facts: false
  tasks:
    - copy: {{content: "{{{{ component_version | default('-', true) }}}}", dest: "{{{{ home }}}}/{name}"}}
"""
LOOK = """\
- hosts: {hosts}
  gather_facts: false
  tasks:
    - command: test -s {{{{ home }}}}/{name}
      changed_when: false
"""


@pytest.fixture
def reader(tmp_path):
    """Where a reader is: in a folder named for the customer."""
    folder = tmp_path / "acme"
    folder.mkdir()
    return folder


@pytest.fixture
def hosts(reader):
    """Write `hosts.yml`: db1, web1 and web2, which are all this machine."""
    groups = {"db": ["db1"], "web": ["web1", "web2"]}
    for name in ("db1", "web1", "web2"):
        (reader / "hosts" / name).mkdir(parents=True)
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "home": "{{ inventory_dir }}/hosts/{{ inventory_hostname }}",
    }
    children = {group: {"hosts": dict.fromkeys(names)} for group, names in groups.items()}
    path = reader / "hosts.yml"
    path.write_text(yaml.safe_dump({"all": {"vars": common, "children": children}}))
    return path


@pytest.fixture
def playbooks(reader, hosts):
    """Write `playbooks/`: mysql on db, portal on web."""
    folder = reader / "playbooks"
    folder.mkdir()
    (folder / "03.mysql.yml").write_text(WRITE.format(hosts="db", name="mysql"))
    (folder / "08.portal.yml").write_text(WRITE.format(hosts="web", name="portal"))
    (folder / "portal.component.yml").write_text("requires: [mysql]\n")
    return folder


def python(code, guide):
    """Return what *code* of a page prints where the reader of *guide* is."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=guide.folder,
        env=guide.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_readme(reader, playbooks):
    """The commands, and the same in Python, in English and in Chinese."""
    guide = Guide("README.md", reader)
    guide.run("installkit plan  -c playbooks -i hosts.yml --all")
    guide.run("installkit apply -c playbooks -i hosts.yml --all")
    shown = guide.run("installkit watch last", "installkit logs last mysql", "installkit status")
    (english,), (chinese,) = (blocks_of(ROOT / page, "python") for page in ("README.md", "README.zh-CN.md"))
    shutil.rmtree(reader.parent / "data")
    printed = python(english, guide)

    assert "PLAY RECAP" in shown
    assert [line.split("#")[0].rstrip() for line in english.splitlines()] == [
        line.split("#")[0].rstrip() for line in chinese.splitlines()
    ]
    assert printed.startswith("0. check db1, web1, web2\n1. install mysql on db1\n2. install portal on web1, web2\n")
    assert "run_finished" in printed
    assert ["scripts/demo", "scripts/test", "pip install '.[cli]'", "installkit serve -c playbooks"] == [
        line.split("  ")[0] for line in guide.left
    ]


def test_adopt_existing_playbooks(reader, hosts):
    """A link, a playbook of two lines and a manifest make components of what is there."""
    guide = Guide("docs/how-to/adopt-existing-playbooks.md", reader)
    (reader / "inventory" / "mine").mkdir(parents=True)
    shutil.move(hosts, reader / "inventory" / "mine" / "hosts.yml")
    (reader / "playbooks").mkdir()
    for name in ("site", "playbooks/facts", "cluster", "upgrade-cluster", "reset"):
        (reader / f"{name}.yml").write_text("- hosts: web\n  gather_facts: false\n  tasks: [{debug: {msg: hello}}]\n")
    imported, manifest = blocks_of(guide.page, "yaml")
    (reader / "11.facts.yml").write_text(imported)
    (reader / "kubernetes.component.yml").write_text(manifest)
    guide.run("ln -s site.yml 10.site.yml")
    guide.run("installkit catalog validate .")
    shown = guide.run("installkit plan -c . -i inventory/mine/hosts.yml --all")
    drawn = guide.run("installkit plan -c . -i inventory/mine/hosts.yml --all --graph")

    assert [] == guide.left
    assert "3 to install" in shown
    assert drawn.startswith("flowchart")


def test_air_gapped(reader):
    """Packed with internet, installed without: an environment that has only the wheels."""
    clone = reader / "clone"
    clone.mkdir()
    for part in ("src", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        source = ROOT / part
        shutil.copytree(source, clone / part) if source.is_dir() else shutil.copy(source, clone)
    guide = Guide("docs/how-to/air-gapped.md", clone, {"/opt/installkit": str(reader / "opt")})
    guide.run(
        "python3 -m venv packer",
        "packer/bin/pip wheel --constraint constraints.txt --wheel-dir wheels '.[cli,http]'",
        "(cd wheels && sha256sum *.whl > SHA256SUMS)",
        "tar czf installkit-wheels.tar.gz wheels",
    )
    guide.folder = reader / "customer"
    guide.folder.mkdir()
    shutil.copy(clone / "installkit-wheels.tar.gz", guide.folder)
    shown = guide.run(
        "tar xzf installkit-wheels.tar.gz",
        "(cd wheels && sha256sum --check --quiet SHA256SUMS)",
        "python3 -m venv /opt/installkit",
        "/opt/installkit/bin/pip install --no-index --find-links wheels 'installkit[cli,http]'",
        "/opt/installkit/bin/installkit doctor",
    )

    assert [] == guide.left
    assert "ansible" in shown


def test_back_up(installer, reader, playbooks):
    """What was saved is whole after a restore elsewhere."""
    guide = Guide(
        "docs/how-to/back-up.md",
        reader,
        {"/var/lib/installkit/": f"{reader.parent}/data/", "/backup/": f"{reader}/backup/"},
    )
    site = installer.site("acme", inventory=reader / "hosts.yml", catalog=playbooks)
    site.secrets.set("ansible_password", "hidden")
    run = site.start(site.plan(all=True), checks=False).wait(100).raise_for_status()
    (reader / "backup").mkdir()
    guide.run(*guide.left[:3])
    guide.environment["INSTALLKIT_DATA_DIR"] = str(reader / "backup")
    guide.run("installkit reindex")
    guide.run("installkit doctor")
    guide.run("installkit prune --older-than 90d --keep 20 --dry-run")
    with installkit.Installer(reader / "backup") as restored:
        found = restored.run(run.id)
        assert [] == guide.left
        assert ("ansible_password",) == tuple(restored.site("acme").secrets.revisions())
        assert RunStatus.SUCCEEDED is found.status
        assert 3 == len(restored.site("acme").installed())


def test_secrets_and_vault(installer, reader, playbooks):
    """Passwords asked for, kept, piped, and given in Python."""
    guide = Guide("docs/how-to/secrets-and-vault.md", reader)
    (reader / "bin").mkdir()
    (reader / "bin" / "pass").write_text("#!/bin/sh\necho of-the-vault\n")
    (reader / "bin" / "pass").chmod(0o755)
    (playbooks / "mysql.component.yml").write_text(
        "parameters: {mysql_root_password: {secret: true, required: true}}\n"
    )
    (playbooks / "08.portal.yml").unlink()
    (playbooks / "portal.component.yml").unlink()
    (reader / "passwords.yml").write_text("mysql_root_password: of-the-file\n")
    asked = [
        (f"(?i){what}.*: ?$", "of-the-reader") for what in ("ssh password", "become password", "mysql_root_password")
    ]
    guide.run("installkit apply -i hosts.yml -c playbooks --all -u deploy -k -b -K", answers=asked)
    again = [("(?i)password.*: ?$", "of-the-site"), ("(?i)repeat.*: ?$", "of-the-site")]
    guide.run("installkit site secret acme ansible_become_password", answers=again)
    guide.run("pass show acme/vault | installkit site secret acme ansible_vault_password")
    guide.run("installkit site secret acme mysql_root_password", answers=again)
    guide.run("installkit apply --site acme --install mysql -e @passwords.yml")
    guide.environment["password"] = "of-the-shell"
    undeclared = [("(?i)db_password.*: ?$", "of-the-reader")]
    guide.run("installkit apply --site acme --install mysql --secret db_password", answers=undeclared)
    guide.run("printf '%s\\n' \"$password\" | installkit apply --site acme --install mysql --secret db_password --yes")
    (code,) = blocks_of(guide.page, "python")
    site = installer.site("acme")
    exec(code, {"site": site, "plan": site.plan(force=["mysql"]), "password": "of-python"})  # noqa: S102 - ours
    run = installer.runs()[0].wait(100)

    assert [] == guide.left
    assert RunStatus.SUCCEEDED is run.status
    assert {"ansible_vault_password:prod", "ansible_become_password"} <= site.secrets.revisions().keys()


def test_upgrade_in_batches(installer, reader, hosts):
    """A batch looked at and let go on; a bad one resumed; what the last run did rolled back."""
    guide = Guide("docs/how-to/upgrade-in-batches.md", reader)
    folder = reader / "playbooks"
    folder.mkdir()
    (folder / "05.nginx.yml").write_text(WRITE.format(hosts="web", name="nginx"))
    (folder / "05.nginx.verify.yml").write_text(LOOK.format(hosts="web", name="nginx"))
    (manifest,) = (yaml.safe_load(block) for block in blocks_of(guide.page, "yaml"))
    manifest["actions"]["install"] = "05.nginx.yml"
    (folder / "nginx.component.yml").write_text(yaml.safe_dump({"versions": ["1.0", "2.0"], **manifest}))

    def versions():
        return {name: (reader / "hosts" / name / "nginx").read_text() for name in ("web1", "web2")}

    site = installer.site("acme", inventory=hosts, catalog=folder)
    site.start(site.plan(install=["nginx=1.0"]), checks=False).wait(100).raise_for_status()
    planned = guide.run("installkit plan --site acme --upgrade nginx")
    guide.run("installkit check --site acme --upgrade nginx")
    guide.run("installkit apply --site acme --upgrade nginx --check --diff")
    before = versions()
    shutil.move(reader / "hosts" / "web2", reader / "away")
    run = site.start(site.plan(upgrade=["nginx"]), checks=False)
    next(event for event in run.events(follow=True) if event.kind == "approval_requested")
    looked_at = (reader / "hosts" / "web1" / "nginx").read_text()
    guide.run("installkit approve last")
    ended = run.wait(100).status
    shutil.move(reader / "away", reader / "hosts" / "web2")
    shown = guide.run("installkit show last")
    guide.run("installkit resume last --failed-hosts")
    resumed = versions()
    again = guide.run("installkit resume last")
    guide.run("installkit rollback last")

    assert [] == guide.left
    assert "web2" in planned
    assert {"web1": "1.0", "web2": "1.0"} == before
    assert ("2.0", RunStatus.FAILED) == (looked_at, ended)
    assert "task_failed" in shown
    assert f"to undo it: installkit rollback {run.id[:6]}" in shown
    assert {"web1": "2.0", "web2": "2.0"} == resumed
    assert "nothing to change" in again
    assert {"web1": "2.0", "web2": "1.0"} == versions()


def test_serve(reader):
    """Tokens for the console and for a person, and the same runs on the command line."""
    places = {"sudo -u installkit installkit": "installkit", "/var/lib/installkit": str(reader.parent / "data")}
    guide = Guide("docs/how-to/serve.md", reader, places)
    for line in tuple(guide.left):
        shown = guide.run(line)

    assert [] == guide.left
    assert "alice" in shown


@pytest.fixture
def server(reader, playbooks):
    """The service of the reader's data directory, whose catalog is called products."""
    server = Server(reader.parent / "data", "-c", f"products={playbooks}", "--port", "0")
    yield server
    server.end()


def test_follow_everything(installer, reader, playbooks, server):
    """What follows is stopped after a while; until then it has shown what there is."""
    site = installer.site("acme", inventory=reader / "hosts.yml", catalog=playbooks)
    run = site.apply(all=True, checks=False).wait(100).raise_for_status()
    places = {
        "installkit events -f": "! timeout 8 installkit events -f",
        "curl -N": "! timeout 4 curl -N",
        "curl -H": "curl -s -H",
        "$TOKEN": server.token,
        "$URL": server.url,
    }
    guide = Guide("docs/how-to/follow-everything.md", reader, places)
    ended, of_host, to_come, page, stream = [guide.run(line) for line in tuple(guide.left)]

    assert [] == guide.left
    assert "run_finished" in ended
    assert "db1" in of_host
    assert "" == to_come.strip()
    assert run.id in page
    assert "event:" not in stream


def test_use_from_afar(installer, reader, playbooks, server):
    """A plan, a run and a site, by a command line that has no data directory."""
    installer.site("acme", inventory=reader / "hosts.yml", catalog=playbooks)
    guide = Guide("docs/how-to/use-from-afar.md", reader, {"https://ops.example.com": server.url, "ik_…": server.token})
    del guide.environment["INSTALLKIT_DATA_DIR"]
    shown = guide.run(*guide.left[1:])

    assert ["pip install '.[remote]'    # in a clone"] == guide.left
    assert "portal" in shown
    assert "succeeded" in shown
    assert {"acme", "beta"} == {site.name for site in installer.sites()}


def test_test_your_tool(reader):
    """The example's suite passes where the reader types it."""
    shutil.copytree(ROOT / "examples", reader / "examples")
    guide = Guide("docs/how-to/test-your-tool.md", reader)
    shown = guide.run(*guide.left)

    assert "6 passed" in shown


def test_troubleshoot(installer, reader, playbooks):
    """The first three commands, and what is sent to whoever helps."""
    guide = Guide("docs/how-to/troubleshoot.md", reader)
    (playbooks / "03.mysql.yml").write_text("- hosts: db\n  gather_facts: false\n  tasks: [{fail: {msg: no room}}]\n")
    site = installer.site("acme", inventory=reader / "hosts.yml", catalog=playbooks)
    site.start(site.plan(all=True), checks=False).wait(100)
    shown = guide.run(*guide.left[:3])
    guide.run("installkit show last")
    guide.run("installkit logs last -f")
    guide.run("installkit report last -o report.zip")

    assert [] == guide.left
    assert 2 <= shown.count("no room")
    assert "task_failed" in shown
    assert (reader / "report.zip").exists()


def test_use_notebooks(installer, reader, playbooks):
    """A run of a terminal, watched after a restart of the kernel."""
    guide = Guide("docs/how-to/use-notebooks.md", reader)
    site = installer.site("acme", inventory=reader / "hosts.yml", catalog=playbooks)
    site.start(site.plan(all=True), checks=False).wait(100).raise_for_status()
    (code,) = blocks_of(guide.page, "python")
    printed = python(code, guide)

    assert "succeeded" in printed


def test_write_a_component(installer, reader, hosts):
    """One playbook first; then its manifest and its verify, piece by piece."""
    guide = Guide("docs/how-to/write-a-component.md", reader)
    (reader / "04.redis.yml").write_text(WRITE.format(hosts="db", name="redis"))
    guide.run("installkit catalog list .")
    guide.run("installkit apply -c . -i hosts.yml --install redis")
    manifest, install, parameters, verify, actions = (yaml.safe_load(block) for block in blocks_of(guide.page, "yaml"))
    (reader / "redis.component.yml").write_text(yaml.safe_dump({**manifest, **parameters, **actions}))
    for name, plays in (
        ("04.redis.yml", install),
        ("04.redis.verify.yml", verify),
        ("04.redis.uninstall.yml", install),
    ):
        plays[0]["hosts"] = "db"
        (reader / name).write_text(yaml.safe_dump(plays))
    site = installer.site("acme", inventory=hosts, catalog=reader)
    site.secrets.set("redis_password", "hidden")
    plan = site.plan(upgrade=["redis"])

    assert [] == guide.left
    assert ["check host", "upgrade redis", "verify redis"] == [f"{each.action} {each.component}" for each in plan.steps]


def test_life_of_a_run(installer, reader, playbooks):
    """The steps are those that the page tells of; at a terminal, a run that only checks comes first."""
    guide = Guide("docs/explanation/life-of-a-run.md", reader)
    (playbooks / "03.mysql.verify.yml").write_text(LOOK.format(hosts="db", name="mysql"))
    guide.run("installkit apply -c playbooks -i hosts.yml --install mysql")
    run, checks = installer.runs()

    assert [] == guide.left
    assert ["00-checks", "01-mysql-install", "02-mysql-verify"] == [step.id for step in run.steps]
    assert ["skipped", "succeeded", "succeeded"] == [step.status for step in run.steps]
    assert ("checks", ["00-checks"]) == (checks.snapshot().note, [step.id for step in checks.steps])


def test_every_page_with_commands_is_carried_out():
    """What nobody tries goes wrong unseen."""
    tests = "".join((ROOT / "tests" / name).read_text() for name in ("test_guides.py", "test_how_to.py"))
    pages = {page.name for page in (ROOT / "docs").rglob("*.md") if blocks_of(page)} - {"command-line.md"}

    assert 8 <= len(pages)
    assert set() == {page for page in pages if page not in tests}
