"""The versions that are known to pass, and the scripts that install them."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11.2", "3.12.0", "3.13.0")
PIP = """#!/bin/sh
[ "$2" != pip ] || [ "$3" != install ] || echo "$PIP_CONSTRAINT $PIP_BUILD_CONSTRAINT $*" >> installed
"""


def pins(python):
    """Return what `constraints.txt` has for *python* on Linux, by name; a name that stands twice fails."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines())
    found = {}
    for each in map(Requirement, filter(None, lines)):
        if holds(each, python):
            (version,) = [one.version for one in each.specifier if one.operator == "=="]
            assert canonicalize_name(each.name) not in found
            found[canonicalize_name(each.name)] = version
    return found


def holds(requirement, python, extra=""):
    where = {"python_full_version": python, "python_version": python.rpartition(".")[0], "sys_platform": "linux"}
    return requirement.marker is None or requirement.marker.evaluate({**where, "extra": extra})


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_has_a_version_that_it_allows(python):
    """Of installkit, each of its extras, and what builds it: what is changed in one file is changed in the other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    wanted = [
        *project["project"]["dependencies"],
        *(each for extra in extras for each in extra),
        *project["build-system"]["requires"],
    ]
    pinned = pins(python)
    asked = [each for each in map(Requirement, wanted) if holds(each, python)]

    assert 30 < len(asked)
    assert [] == [
        str(each) for each in asked if not each.specifier.contains(pinned.get(canonicalize_name(each.name), "0"))
    ]


def test_versions_are_those_of_any_index():
    """No address, no path, no build of one machine (`1.0+local`), no release that is none yet."""
    text = (ROOT / "constraints.txt").read_text()

    assert [] == re.findall(r".*(?:://|@|\+).*|^-.*", text, re.MULTILINE)
    assert [] == [line for line in text.splitlines() if re.search(r"==[^ ;]*(a|b|rc|dev)\d", line)]


@pytest.mark.long
def test_the_environment_of_the_tests_has_these_versions():
    """It is `scripts/environment` that made it; a list that names too little lets something slip in."""
    pinned = pins(".".join(map(str, sys.version_info[:3])))
    own = {"installkit", "pip", "setuptools"}
    there = {canonicalize_name(each.name): each.version for each in importlib.metadata.distributions()}

    assert {} == {
        name: (pinned.get(name), version)
        for name, version in there.items()
        if name not in own and pinned.get(name) != version
    }


def test_an_environment_is_made_anew_when_the_versions_change(tmp_path):
    """As when pyproject.toml does; what builds installkit is held to the versions, too."""
    for name in ("pyproject.toml", "constraints.txt", "scripts/environment"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(PIP)
    program.chmod(0o755)

    def installs():
        subprocess.run([tmp_path / "scripts" / "environment", "cli"], check=True, capture_output=True)
        return (tmp_path / "installed").read_text().splitlines()

    first, again = installs(), installs()
    with (tmp_path / "constraints.txt").open("a") as file:
        file.write("# newer\n")
    changed = installs()

    assert [
        "constraints.txt constraints.txt -m pip install --quiet --disable-pip-version-check --editable .[cli]"
    ] == first
    assert first == again
    assert [*first, *first] == changed
