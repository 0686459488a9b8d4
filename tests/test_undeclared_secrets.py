"""Secrets that no manifest declares: warned of where they are given in clear, and handed over by name."""

import base64
import hashlib
import json
from urllib.parse import quote

import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import app
from installkit.planning.secret_names import sounds_secret

CANARY = "Canary 7\"f3'$e9\\\\x%é"
USE = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: "with {{ db_password }} and {{ db_password | b64encode }} and {{ db_password | urlencode }}"}
    - copy: {content: "{{ db_password }}", dest: "{{ playbook_dir }}/../got"}
    - command: "test -n {{ db_password | quote }}"
    - fail: {msg: "{{ db_password | to_json }}"}
      when: stop is defined
"""


@pytest.fixture
def site(installer, folder, inventory):
    (folder / "01.alpha.yml").write_text(USE)
    return installer.site("acme", inventory=inventory, catalog=folder)


def found_in(folder, secret):
    """Return the files below *folder* that hold *secret*, or what tells it."""
    forms = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps(secret)[1:-1])[1:-1],
        repr(secret.encode())[2:-1],
        quote(secret),
        base64.b64encode(secret.encode()).decode(),
        hashlib.sha256(json.dumps(secret).encode()).hexdigest(),
    }
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(form.encode() in path.read_bytes() for form in forms)]


@pytest.mark.parametrize(
    ("name", "sounds"),
    [
        *(
            (name, True)
            for name in ("password", "db_password", "dbPassword", "DB_PASSWD", "api_key", "tls_private_key")
        ),
        *(
            (name, True)
            for name in ("pwd", "token", "auth_token", "aws_secret_access_key", "credentials", "passphrase")
        ),
        *(
            (name, False)
            for name in ("token_ttl", "password_file", "secret_name", "use_password", "key", "compass", "port")
        ),
        *((name, False) for name in ("password_length", "bypass", "public_key", "aws_access_key_id", "tokenizer")),
    ],
)
def test_a_name_sounds_like_a_secret_by_its_words(name, sounds):
    assert sounds is sounds_secret(name)


def test_a_value_that_sounds_like_a_secret_is_warned_of_with_what_to_do(site):
    plan = site.plan(install=["alpha"], parameters={"db_password": "x", "token_ttl": 5})

    assert ["db_password sounds like a secret"] == [line.partition(",")[0] for line in plan.warnings]
    assert "--secret db_password" in plan.warnings[0]


def test_no_digest_of_such_a_value_is_kept(site, installer, folder):
    """One who has the record could try guesses with it."""
    site.parameters.set({"api_token": CANARY})
    run = site.start(site.plan(install=["alpha"], parameters={"db_password": CANARY}), checks=False).wait(110)
    digest = hashlib.sha256(json.dumps(CANARY).encode()).hexdigest().encode()

    run.raise_for_status()
    assert [] == [path for path in installer.folders.data.rglob("*") if path.is_file() and digest in path.read_bytes()]
    assert site.plan(install=["alpha"], parameters={"db_password": CANARY}).empty


def test_one_that_nobody_declares_is_handed_over_by_name(site, installer, folder):
    """It reaches the playbook as it is, and stands nowhere in the data directory."""
    plan = site.plan(install=["alpha"], secrets={"db_password": CANARY})
    run = site.start(plan, secrets={"db_password": CANARY}, verbosity=3, checks=False).wait(110)

    run.raise_for_status()
    assert ("db_password",) == plan.request.secrets
    assert ("secret db_password must be handed over at start",) == plan.warnings
    assert CANARY == (folder.parent / "got").read_text()
    assert [] == found_in(installer.folders.data, CANARY)
    assert b"********" in run.log("alpha")


def test_a_plan_by_names_alone_wants_the_value_at_its_start(site):
    plan = site.plan(install=["alpha"], secrets=["db_password"])

    assert ("db_password",) == site.secrets.missing(plan)
    with pytest.raises(installkit.PlanningError, match="no value is known for the secrets db_password"):
        site.start(plan, checks=False)
    with pytest.raises(installkit.UnknownNameError, match="no component has a secret 'other'"):
        site.start(plan, secrets={"db_password": "abcd", "other": "x"}, checks=False)


def test_one_that_is_given_as_a_value_too_is_refused(site):
    with pytest.raises(installkit.PlanningError, match="db_password: is given as a value and handed over as a secret"):
        site.plan(install=["alpha"], secrets=["db_password"], parameters={"db_password": "x"})


def test_a_resume_wants_it_again(site):
    plan = site.plan(install=["alpha"], secrets=["db_password"], parameters={"stop": 1})
    run = site.start(plan, secrets={"db_password": CANARY}, checks=False).wait(110)
    again = site.plan(resume=run)

    assert "failed" == run.status.value
    assert ("db_password",) == again.request.secrets
    assert ("db_password",) == site.secrets.missing(again)


def test_the_command_line_reads_it_from_stdin(site, installer, folder):
    words = [
        "--data-dir",
        str(installer.folders.data),
        "apply",
        "--site",
        "acme",
        "--install",
        "alpha",
        "--yes",
        "--skip-checks",
    ]
    result = CliRunner().invoke(app, [*words, "--secret", "db_password"], input=f"{CANARY}\n")

    assert 0 == result.exit_code, result.output
    assert CANARY == (folder.parent / "got").read_text()
    assert [] == found_in(installer.folders.data, CANARY)


def test_the_digest_of_a_request_is_keyed(installer, tmp_path):
    """The same for all who have the key, so that a repeated request is known; another for those who have not."""
    body = b'{"secrets":{"ansible_become_password":"tiger42"}}'
    digest = installer.access.request_digest(body)
    with installkit.Installer(tmp_path / "other") as other:
        assert digest != other.access.request_digest(body)

    assert digest == installer.access.request_digest(body)
    assert hashlib.sha256(body).hexdigest() != digest
