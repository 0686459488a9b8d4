"""What installkit is held against: ansible-playbook, typed by hand."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_TIMES = re.compile(rb'"(delta|end|start)": "[^"]*"|j?\d{9,}\.\d+|(?m:^[^\n]*ASYNC POLL[^\n]*\n)')


def bare(playbook: Path, inventory: Path, *, timeout: float = 60) -> bytes:
    """Return what ansible-playbook prints, in colour, for *playbook*, typed in its folder."""
    program = shutil.which("ansible-playbook", path=str(Path(sys.executable).parent)) or "ansible-playbook"
    done = subprocess.run(
        [program, "-i", str(inventory), playbook.name],
        cwd=playbook.parent,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        check=False,
    )
    return done.stdout


def timeless(log: bytes) -> bytes:
    """Return *log* without what differs from run to run: times, and the numbers and polls of asynchronous jobs."""
    return _TIMES.sub(b"", log)
