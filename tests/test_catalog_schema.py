"""The JSON Schema of manifests: editors see no mistake where the catalog sees none, and most where it sees one."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

import installkit
from installkit.cli.app import app

ROOT = Path(__file__).parents[1]
MANIFESTS = sorted(
    path for part in ("playbooks", "examples", "src/installkit/demo") for path in (ROOT / part).rglob("*component.yml")
)
FULL = """
name: mysql
title: MySQL-compatible database (MariaDB)
versions: ["10.11.18", "10.11.19"]
hosts: "db:&new"
requires: [common, {name: java, version: ">=17"}]
exclusive: false
parameters:
  mysql_port: {type: port, default: 3306, on_change: restart}
  mysql_data_dir: {type: path, default: /var/lib/mysql, on_change: fixed}
  mysql_root_password: {type: string, secret: true, required: true}
  mysql_options: {type: map, default: {a: 1}}
actions:
  install: 01.mysql.yml
  upgrade: {playbook: 01.mysql.yml, batch: [1, "30%"], timeout: 1h30m, soft_timeout: 90, from: {"10.11.19": ">=10"}}
  configure: {tags: config, skip_tags: [slow], vars: {quick: true}, approve: first_batch, facts: fresh}
  uninstall: {playbook: 01.mysql.yml, destructive: true}
"""


@pytest.fixture
def validator():
    """What an editor checks with, as the command prints it."""
    schema = json.loads(CliRunner().invoke(app, ["catalog", "schema"]).stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_every_manifest_here_is_right(path, validator):
    """The catalogs that are shipped show no mistake in an editor."""
    assert [] == list(validator.iter_errors(yaml.safe_load(path.read_text())))


@pytest.fixture
def catalog(tmp_path):
    """A catalog of `mysql`, and of what it requires."""
    for name in ("01.mysql.yml", "02.common.yml", "03.java.yml"):
        (tmp_path / name).write_text("- hosts: all\n  tasks: []\n")
    (tmp_path / "java.component.yml").write_text('versions: ["17"]\n')
    return tmp_path


def test_what_uses_every_key_is_right_for_both(catalog, validator):
    """Nothing that the catalog takes is marked."""
    (catalog / "mysql.component.yml").write_text(FULL)

    assert 3 == len(installkit.load_catalog(catalog))
    assert [] == list(validator.iter_errors(yaml.safe_load(FULL)))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "nmae: mysql",
        "name: 'my..sql'",
        "name: '-mysql'",
        "title: ''",
        "title: 1.5",
        "title:",
        "versions: 10.11.18",
        "versions: [10.11]",
        "versions: ['1', '1']",
        "versions: ['one two']",
        "hosts: '@file'",
        "hosts: '{{ group }}'",
        "requires: common",
        "requires: [{version: '>=1'}]",
        "requires: [{name: java, version: '17'}]",
        "exclusive: 'yes'",
        "parameters: [mysql_port]",
        "parameters: {mysql-port: {}}",
        "parameters: {hosts: {}}",
        "parameters: {class: {}}",
        "parameters: {ansible_user: {}}",
        "parameters: {component_name: {}}",
        "parameters: {port1: {type: porte}}",
        "parameters: {port1: {type: port, default: 70000}}",
        "parameters: {port1: {type: port, default: true}}",
        "parameters: {name1: {default: 5}}",
        "parameters: {path1: {type: path, default: data}}",
        "parameters: {name1: {secret: true, default: x}}",
        "parameters: {name1: {on_change: never}}",
        "actions: {instal: 01.mysql.yml}",
        "actions: {install: /01.mysql.yml}",
        "actions: {install: -01.mysql.yml}",
        "actions: {install: 01.mysql}",
        "actions: {install: {playbok: 01.mysql.yml}}",
        "actions: {install: {tags: 'a b'}}",
        "actions: {install: {vars: {component_name: x}}}",
        "actions: {install: {vars: {quick: }}}",
        "actions: {upgrade: {batch: 0}}",
        "actions: {upgrade: {batch: []}}",
        "actions: {upgrade: {batch: '300%'}}",
        "actions: {upgrade: {timeout: 0s}}",
        "actions: {upgrade: {timeout: soon}}",
        "actions: {upgrade: {timeout: -5}}",
        "actions: {upgrade: {from: '10'}}",
        "actions: {upgrade: {approve: never}}",
        "actions: {upgrade: {destructive: 1}}",
        "actions: {upgrade: {facts: stale}}",
    ],
)
def test_what_is_wrong_for_the_catalog_is_marked(text, catalog, validator):
    """Whatever the file alone shows to be wrong, an editor shows."""
    (catalog / "mysql.component.yml").write_text(text)
    with pytest.raises(installkit.DefinitionError):
        installkit.load_catalog(catalog)

    assert [] != list(validator.iter_errors(yaml.safe_load(text)))
