"""Secrets, looked for everywhere, in every form."""

import base64
import json
import re
import subprocess
from pathlib import Path
from urllib.parse import quote, quote_plus

from http_client import finish, open_client, start
from installkit import RunStatus
from installkit.ansible.programs import find_program
from installkit.ansible.scratch import scratch_path
from plays import play
from processes_seen import processes_of
from site_runs import until

SECRETS = {
    "plain": "Canary-0451-plain",
    "quotes": "Canary\"0451'q\\uote\\d",
    "url": "Canary 0451&x=ä/€+%?",
    "lines": "Canary-0451 line one\nCanary-0451 line two\n",
    "markup": "{{ Canary-0451 }} $(Canary) !vault",
}

PASSWORDS = {
    "ansible_password": 'Canary-0452 "connect" \\o/',
    "ansible_become_password": "Canary-0452 'become' &ö%",
    "ansible_vault_password": "Canary-0452/vault+default?",
    "ansible_vault_password:prod": "Canary-0452 {{ vault }} $(prod)",
}

TASKS = """
- hosts: all
  gather_facts: false
  vars_files: [vault.yml]
  vars:
    given: ["{{ plain }}", "{{ quotes }}", "{{ url }}", "{{ lines }}", "{{ markup }}"]
    every: "{{ given + (lookup('file', 'TOLD') | from_json) }}"
  tasks:
    - name: "Say {{ plain }}"
      debug: {msg: "pw {{ item }} {{ item | to_json }} {{ item | to_json | to_json }} {{ item | urlencode }}"}
      loop: "{{ every }}"
    - debug: {msg: "{{ item | b64encode }} {{ ('root:' ~ item) | b64encode }} http://x/?pw={{ item | urlencode }}"}
      loop: "{{ every }}"
    - debug: {var: every}
    - shell: "printf %s {{ item | quote }}"
      loop: "{{ given }}"
    - copy: {content: "{{ every | to_json }}", dest: "GOT"}
      diff: true
    - raw: while ! test -e GATE; do sleep 0.05; done
    - fail: {msg: "refused for {{ every | join(' and ') }}"}
"""


def forms(secret):
    """Return *secret* as others write it; of base64 only what is the same at each alignment is looked for."""
    raw = secret.encode()
    found = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    found |= {quote(secret), quote(secret, safe=""), quote_plus(secret), *filter(None, secret.splitlines())}
    for before in range(3):
        inner = slice((before * 8 + 5) // 6, (before + len(raw)) * 8 // 6)
        found |= {
            encode(b"\0" * before + raw).decode()[inner] for encode in (base64.b64encode, base64.urlsafe_b64encode)
        }
    return [form.encode() for form in found]


def answers(client, site, run):
    """Return all that the service says of the run and its site."""
    paths = [run, f"{run}/events?limit=1000&log=true", f"{run}/log", f"{run}/steps/mysql/log", "/api/v1/runs"]
    paths += [f"{site}/{part}" for part in ("parameters", "secrets", "installed", "plans", "hosts")]
    found = [client.get(path) for path in [*paths, site, "/api/v1/audit", "/metrics", "/readyz"]]

    assert {200} == {answer.status_code for answer in found}
    return [answer.content for answer in found]


def encrypt(path, label, password):
    """Put something into a vault at *path*."""
    path.write_text("inside: treasure\n")
    key = path.with_name("key")
    key.write_text(password)
    command = [find_program("ansible-vault"), "encrypt", "--encrypt-vault-id", label, "--vault-id", f"{label}@{key}"]
    subprocess.run([*command, path], cwd=path.parent, check=True, capture_output=True)
    key.unlink()


def read_process(pid):
    """Return the command line and the environment of a process; nothing if it has ended."""
    try:
        return [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    except OSError:
        return []


def test_a_secret_is_nowhere_in_any_form(installer, make_site, tmp_path):
    """R20: in no file, command line, environment, log, event, row or answer; and yet the playbook gets it, or Ansible."""
    gate, got, told = tmp_path / "gate", tmp_path / "got", tmp_path / "told"
    tasks = TASKS.replace("GATE", str(gate)).replace("GOT", str(got)).replace("TOLD", str(told))
    site = make_site("acme", {"03.mysql": tasks})
    declared = "".join(f"  {name}: {{type: string, secret: true, required: true}}\n" for name in SECRETS)
    manifest = f"parameters:\n{declared}actions: {{install: 03.mysql.yml}}\n"
    (site.catalog().folder / "mysql.component.yml").write_text(manifest)
    for name, secret in (SECRETS | PASSWORDS).items():
        site.secrets.set(name, secret)
    told.write_text(json.dumps(list(PASSWORDS.values())))
    encrypt(site.catalog().folder / "vault.yml", "prod", PASSWORDS["ansible_vault_password:prod"])
    with open_client(installer, site.catalog().folder) as client:
        path = start(client, "/api/v1/sites/acme", install=["mysql"])
        until(got.exists, 60)
        seen = [text for each in processes_of(path[-12:]) for text in read_process(each.pid)]
        scratch = scratch_path(installer.folders.runs / path[-12:])
        seen += [path.read_bytes() for path in scratch.rglob("*") if path.is_file()]
        gate.touch()
        finish(client, path)
        said = answers(client, "/api/v1/sites/acme", path)
    written = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    everything = [*SECRETS.values(), *PASSWORDS.values()]
    wanted = re.compile(b"|".join(re.escape(form) for secret in everything for form in forms(secret)))
    run = installer.run("last")

    assert everything == json.loads(got.read_text())
    assert len(seen) >= 6
    assert "failed" == run.status
    assert 40 < run.log_text("mysql").count("********")
    assert [] == [match[0] for text in (*seen, *written, *said) for match in wanted.finditer(text)]


def test_what_a_vault_holds_is_in_no_file_of_the_run(make_site, tmp_path):
    """R20: planning does not open it, and what the playbook does with it under `no_log` leaves nothing."""
    task = f"copy: {{content: '{{{{ vaulted }}}}', dest: {tmp_path / 'got'}}}\n      no_log: true"
    site = make_site("acme", {"03.mysql": play(task)})
    folder = site.catalog().folder
    (tmp_path / "password").write_text("Canary-0451-password")
    (folder / "ansible.cfg").write_text(f"[defaults]\nvault_password_file = {tmp_path / 'password'}\n")
    (folder / "group_vars").mkdir()
    variables = folder / "group_vars" / "all.yml"
    variables.write_text("vaulted: Canary-0451-vaulted\n")
    subprocess.run([find_program("ansible-vault"), "encrypt", variables], cwd=folder, check=True, capture_output=True)
    run = site.start(site.plan(install=["mysql"])).wait(100)
    written = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]

    assert RunStatus.SUCCEEDED is run.status
    assert "Canary-0451-vaulted" == (tmp_path / "got").read_text()
    assert [] == [text for text in written if b"Canary" in text]
