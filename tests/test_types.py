"""What type checkers say of programs that use installkit, as users have it: from an installed wheel."""

import inspect
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import typing
from pathlib import Path

import attrs
import pytest

import installkit

ROOT = Path(__file__).parent.parent
WRONG = Path(__file__).parent / "data" / "types" / "wrong.py"
EXAMPLES = sorted([*(ROOT / "examples").glob("*.py"), ROOT / "examples/tool/rollout.py"])
OWN_BUSINESS = {"Ansible", "DataDirectory", "Store"}
"""What the library alone makes and hands in: no program names it."""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment in which installkit is installed from its wheel, beside what it needs."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    shutil.copytree(ROOT / "src", source / "src")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    site_packages = next((folder / "venv").glob("lib/python*/site-packages"))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site_packages, source], check=True
    )
    (site_packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = folder / "venv" / "bin" / "python"
    where = subprocess.check_output([python, "-c", "import installkit; print(installkit.__file__)"], text=True)
    assert where.startswith(str(site_packages))
    return python


def mypy(python, *paths):
    """Return the (file's name, line) of what mypy, strict, finds wrong in *paths*."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "/dev/null", "--python-executable", python]
    answer = subprocess.run([*command, *paths], cwd=python.parent, capture_output=True, text=True, check=False)
    assert answer.returncode in {0, 1}, answer.stderr
    return {
        (Path(name).name, int(line)) for name, line in re.findall(r"^(.+):(\d+): error:", answer.stdout, re.MULTILINE)
    }


def pyright(python, *paths):
    """Return the same of pyright."""
    command = ["pyright", "--outputjson", "--pythonpath", python, *paths]
    answer = subprocess.run(
        [sys.executable, "-m", *command], cwd=python.parent, capture_output=True, text=True, check=False
    )
    assert answer.returncode in {0, 1}, answer.stderr
    found = json.loads(answer.stdout)["generalDiagnostics"]
    return {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in found if each["severity"] == "error"
    }


@pytest.mark.long
@pytest.mark.parametrize("check", [mypy, pyright])
def test_each_wrong_line_is_found_and_no_other(python, check):
    """A misspelt name, field or option, and a value of another type."""
    lines = WRONG.read_text().splitlines()
    wrong = {(WRONG.name, number) for number, line in enumerate(lines, 1) if "# wrong: " in line}

    assert len(wrong) > 20
    assert wrong == check(python, WRONG)


@pytest.mark.long
@pytest.mark.parametrize("check", [mypy, pyright])
def test_the_examples_are_right(python, check):
    assert set() == check(python, *EXAMPLES)


def types_in(hint):
    """Yield the classes of installkit that *hint* names."""
    if isinstance(hint, type) and hint.__module__.startswith("installkit"):
        yield hint
    for argument in typing.get_args(hint):
        if not isinstance(argument, (str, int)):
            yield from types_in(argument)


def hints_of(name):
    """Yield what each field, argument and answer of the public *name* is declared to be."""
    thing = getattr(installkit, name)
    if inspect.isclass(thing):
        if attrs.has(thing):
            yield from (field.type for field in attrs.fields(attrs.resolve_types(thing)))
        for key, member in vars(thing).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if inspect.isfunction(function) and not key.startswith("_"):
                yield from typing.get_type_hints(function).values()
    elif inspect.isfunction(thing) and name != "to_frame":  # its types are those of pandas, where that is installed
        yield from typing.get_type_hints(thing).values()


def test_every_type_of_a_public_call_is_public_itself():
    missing = {
        f"{kind.__name__} of {name}"
        for name in installkit.__all__
        for hint in hints_of(name)
        for kind in types_in(hint)
        if kind.__name__ not in {*installkit.__all__, *OWN_BUSINESS}
    }

    assert set() == missing
