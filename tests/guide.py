"""A page of the documentation, as somebody at a terminal follows it."""

import os
import re
import shlex
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pexpect

ROOT = Path(__file__).parents[1]
_WAITING = re.compile(r"\r\x1b\[K(?:asking the inventory[^\r]*)?")
"""What a slow machine shows for a moment."""


def blocks_of(page, language=""):
    """Return the code blocks of *page* in *language*, None for any, without the indentation that they have in a list."""
    fenced = re.findall(r"^ *```(.*)\n((?:(?! *```$).*\n)*) *```$", page.read_text(), flags=re.MULTILINE)
    return [textwrap.dedent(block) for each, block in fenced if language in {None, each}]


class Guide:
    """
    The blocks of a page that are typed, each line carried out once.

    Args:
        page: Its path in the repository.
        folder: Where the reader is; the data directory is beside it.
        places: What the reader's machine has in place of what the page writes.
    """

    def __init__(self, page: str, folder: Path, places: Mapping[str, str] | None = None) -> None:
        self.page = ROOT / page
        self.folder = folder
        self.places = places or {}
        self.left = [line for block in blocks_of(self.page) for line in block.splitlines() if line]
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "INSTALLKIT_DATA_DIR": str(folder.parent / "data"),
            "NO_COLOR": "1",
        }

    def run(self, *lines, answers=()):
        """
        Carry out *lines* of the page, whose comments may be left out, and return what the terminal showed.

        Args:
            *lines: As the page has them.
            answers: (what is asked, what is typed); an installation is let go ahead.
        """
        typed = "\n".join(self._take(line) for line in lines)
        for theirs, ours in self.places.items():
            typed = typed.replace(theirs, ours)
        shown, status = pexpect.run(
            f"/bin/bash -euc {shlex.quote(typed)}",
            events=[
                (r"\[y/N\]: ", "y\n"),
                *((question, f"{answer}\n") for question, answer in answers),
                (pexpect.EOF, _wait),
            ],
            cwd=self.folder,
            env=self.environment,
            timeout=100,
            withexitstatus=True,
            dimensions=(40, 140),
            encoding="utf-8",
        )
        assert 0 == status, f"{typed}\n{shown}\nended with {status}"
        return _WAITING.sub("", shown)

    def _take(self, line):
        (found,) = [each for each in self.left if each == line or re.split(r"\s+# ", each)[0] == line]
        self.left.remove(found)
        return found


def _wait(state):
    """Wait until the child of pexpect's `run` is gone; closing a terminal that was left a moment ago hangs up on it."""
    state["child"].wait()
    return True
