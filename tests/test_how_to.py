"""The guides do what they say: their blocks are applied to a copy of the source, and what they promise is tried."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from guide import ROOT, blocks_of


def diffs_of(guide):
    """Return (path, lines) of each block of *guide* that changes a file."""
    text = (ROOT / "docs" / "how-to" / guide).read_text()
    return re.findall(r"^```diff\n\+\+\+ (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def apply(path, lines):
    """Put the lines with + where those around them say, each of which must be found exactly once."""
    old = "".join(line[1:] for line in lines.splitlines(keepends=True) if line[0] in " -")
    new = "".join(line[1:] for line in lines.splitlines(keepends=True) if line[0] in " +")
    text = path.read_text() if path.exists() else ""
    assert 1 == text.count(old) or not text, f"{path.name} has {text.count(old)} places for:\n{old}"
    path.write_text(text.replace(old, new) if text else new)


@pytest.mark.long
def test_an_interface_is_added_as_its_guide_says(tmp_path):
    """What comes of it passes lint, its own tests, and those of the table of the interface."""
    for part in ("src", "tests", "docs", "scripts", "pyproject.toml", "README.md"):
        source = ROOT / part
        shutil.copytree(source, tmp_path / part) if source.is_dir() else shutil.copy(source, tmp_path)
    for path, lines in diffs_of("add-an-interface.md"):
        apply(tmp_path / path, lines)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}

    def _run(*command):
        arguments = [sys.executable, *command]
        return subprocess.run(
            arguments, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=100
        )

    tests = (
        "tests/test_site_summary.py",
        "tests/test_http_interface.py::test_every_operation_has_a_row_in_the_table",
        "tests/test_architecture.py::test_public_names_are_sorted_and_each_there_once",
        "tests/test_docs.py::test_every_public_name_is_in_the_reference_once",
        "tests/test_aio.py::test_every_call_has_its_awaited_form",
        "tests/test_remote.py::test_every_call_is_there_over_http_or_there_is_a_reason",
        "tests/test_types.py::test_every_type_of_a_public_call_is_public_itself",
    )
    written = _run("scripts/reference.py")
    tested = _run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests)
    linted = _run("-m", "ruff", "check", "--no-cache", "src", "tests/test_site_summary.py")

    assert 0 == written.returncode, written.stderr
    assert "### GET /api/v1/sites/{site}/summary" in (tmp_path / "docs" / "reference" / "http.md").read_text()
    assert 0 == tested.returncode, tested.stdout
    assert 0 == linted.returncode, linted.stdout


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_tutorial_can_be_followed(tmp_path):
    """Every command of the tutorial, in a row, as in a clone: what it says comes out."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    script = "set -eu\n" + "".join(blocks_of(ROOT / "docs" / "tutorial.md"))
    done = subprocess.run(["/bin/bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr
    assert 10 <= len(script.splitlines())
    for said in (
        "required by web",
        "unchanged, 2.1 available",
        "upgrade 2.0 → 2.1",
        "it failed, as it should",
        "repair",
    ):
        assert said in done.stdout + done.stderr
