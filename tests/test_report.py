"""The support archive of a run: what is in it, and what never is."""

import base64
import io
import json
import os
import shutil
import stat
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from click.testing import CliRunner

import installkit
from http_client import INVENTORY, open_client, write_playbooks
from installkit.cli.app import app

RECORDED = Path(__file__).parent / "data" / "journals" / "1" / "024ea32e2dec"
FIRST, SECOND = "01-mysql-install", "02-zk-install"
CANARY = 'Canary-0451-"quoted" & more'


@pytest.fixture
def home(tmp_path):
    """A data directory with one run that ended, on a site whose secret the run's files were written before."""
    data = tmp_path / "data"
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump(INVENTORY))
    with installkit.Installer(data) as installer:
        playbooks = write_playbooks(tmp_path / "playbooks", gate=tmp_path / "gate")
        installer.site("acme", inventory=inventory, catalog=playbooks).secrets.set("mysql_root_password", CANARY)
    shutil.copytree(RECORDED, data / "runs" / RECORDED.name)
    return data


def rewrite(home, name, change):
    """Put *change* of the text of a file of the run in its place."""
    path = home / "runs" / RECORDED.name / name
    path.write_text(change(path.read_text()))


def report_of(home):
    """Return the members of the run's report by name, without the folder that they lie in."""
    file = io.BytesIO()
    with installkit.Installer(home) as installer:
        installer.run("last").report(file)
    with ZipFile(file) as archive:
        assert {f"installkit-report-{RECORDED.name}"} == {name.partition("/")[0] for name in archive.namelist()}
        return {name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist()}


def test_it_holds_what_helps_to_understand_a_run(home):
    found = report_of(home)

    assert {
        *("README.txt", "plan.txt", "run.json", "doctor.json", "versions.json"),
        *(f"journal/{name}" for name in ("spec.json", "result.json", "events.jsonl")),
        *(f"journal/logs/{step}.log" for step in (FIRST, SECOND)),
    } == found.keys()
    assert (RECORDED / "logs" / f"{FIRST}.log").read_text() == found[f"journal/logs/{FIRST}.log"]
    assert (RECORDED / "events.jsonl").read_text() == found["journal/events.jsonl"]
    assert json.loads((RECORDED / "result.json").read_text()) == json.loads(found["journal/result.json"])
    assert RECORDED.name == json.loads(found["run.json"])["id"]
    assert {"ansible-core", "installkit", "python"} <= json.loads(found["versions.json"]).keys()
    assert "database" in [row["name"] for row in json.loads(found["doctor.json"])]


def test_a_secret_of_the_site_is_not_in_it_in_any_form(home):
    """Even where it was none yet when the run wrote its files."""
    forms = [CANARY, json.dumps(CANARY)[1:-1], base64.b64encode(CANARY.encode()).decode()]
    rewrite(home, f"logs/{FIRST}.log", lambda text: text + "\n".join(forms))
    rewrite(home, "spec.json", lambda text: text.replace('"recorded"', json.dumps(CANARY)))
    found = report_of(home)

    assert [] == [(name, form) for name, text in found.items() for form in forms if form in text]
    assert "********" in json.loads(found["journal/spec.json"])["spec"]["options"]["note"]


def test_what_is_called_like_a_secret_is_masked(home):
    """Somebody may have given a password as an ordinary parameter."""
    given = {"db_password": "hunter22", "api_token": 123456, "port": 3306}
    rewrite(home, "spec.json", lambda text: text.replace('"parameters": {}', f'"parameters": {json.dumps(given)}'))
    spec = json.loads(report_of(home)["journal/spec.json"])["spec"]

    assert {"db_password": "********", "api_token": "********", "port": 3306} == spec["plan"]["request"]["parameters"]


@pytest.mark.long
def test_of_a_long_log_the_end_is_taken_and_said(home):
    rewrite(home, f"logs/{FIRST}.log", lambda _: "".join(f"line {number:07}\n" for number in range(1_000_000)))
    found = report_of(home)
    lines = found[f"journal/logs/{FIRST}.log"].splitlines()

    assert "line 0999999" == lines[-1]
    assert 12 == len(lines[0])
    assert 8_000_000 >= len(found[f"journal/logs/{FIRST}.log"])
    assert f"journal/logs/{FIRST}.log: the last 8000000 of 13000000 bytes" in found["README.txt"]


def test_it_is_written_where_the_site_is_gone(home):
    """What could not be looked for is said."""
    with installkit.Installer(home) as installer:
        installer.delete_site("acme")

    assert "could not be looked for" in report_of(home)["README.txt"]


def test_the_command_line_writes_it(home, tmp_path):
    path = tmp_path / "report.zip"
    said = CliRunner().invoke(app, ["--data-dir", str(home), "report", "last", "-o", str(path)])

    assert 0 == said.exit_code, said.output
    assert str(path) in said.stderr
    assert "" == said.stdout
    assert ZipFile(path).testzip() is None


def mode_of(path):
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_it_is_its_owners_alone(home, tmp_path):
    """As the logs are that it holds, whatever the umask and whatever lay there."""
    new, old = tmp_path / "new.zip", tmp_path / "old.zip"
    old.write_text("older")
    old.chmod(0o644)
    before = os.umask(0)
    try:
        with installkit.Installer(home) as installer:
            for path in (new, old):
                installer.run("last").report(path)
    finally:
        os.umask(before)

    assert ["0o600", "0o600"] == [mode_of(path) for path in (new, old)]
    assert ZipFile(old).testzip() is None
    assert {"new.zip", "old.zip"} == {path.name for path in tmp_path.glob("*.zip")}


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
def test_it_is_not_written_through_a_link(home, tmp_path, monkeypatch, there):
    """Somebody else may have put it where the report is written by default."""
    victim = tmp_path / "victim"
    if there:
        victim.write_text("precious")
    link = tmp_path / f"installkit-report-{RECORDED.name}.zip"
    link.symlink_to(victim)
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["--data-dir", str(home), "report", "last"])

    assert 0 == said.exit_code, said.output
    assert ("precious" if there else None) == (victim.read_text() if victim.exists() else None)
    assert not link.is_symlink()
    assert "0o600" == mode_of(link)


@pytest.mark.parametrize("place", ["folder", "fifo", "terminal", "nowhere/report.zip"])
def test_where_no_file_can_be_it_says_so(home, tmp_path, place):
    """What lies there stays, and nothing is left beside it."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "terminal").symlink_to("/proc/self/fd/1")
    before = sorted(path.name for path in tmp_path.iterdir())
    with installkit.Installer(home) as installer, pytest.raises(installkit.StoreError, match=place) as refused:
        installer.run("last").report(tmp_path / place)

    assert "-o" in refused.value.remedy
    assert before == sorted(path.name for path in tmp_path.iterdir())


def test_the_service_answers_with_it(home, tmp_path):
    with installkit.Installer(home) as installer, open_client(installer, tmp_path / "playbooks") as client:
        answer = client.get(f"/api/v1/runs/{RECORDED.name}/report")

    assert "application/zip" == answer.headers["content-type"]
    assert f'attachment; filename="installkit-report-{RECORDED.name}.zip"' == answer.headers["content-disposition"]
    assert ZipFile(io.BytesIO(answer.content)).testzip() is None
