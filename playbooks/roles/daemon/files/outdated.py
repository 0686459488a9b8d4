"""
Print each process that began before one of its files changed.

Usage: outdated.py PATTERN FILE...; its processes are those with PATTERN in their command line.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path


def processes(pattern: str) -> Iterator[tuple[str, float]]:
    """Yield the command line of each process with *pattern* in it, this one left out, and when it began (epoch)."""
    booted = time.time() - float(Path("/proc/uptime").read_text().split()[0])
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and folder.name != str(os.getpid()):
            try:
                command = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
                ticks = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[19])
            except OSError:  # it ended meanwhile
                continue
            if pattern in command:
                yield command, booted + ticks / os.sysconf("SC_CLK_TCK")


def changed_at(files: list[str]) -> float:
    """Return when the last of *files* changed (epoch), a link counting like what it leads to."""
    found = [path for path in map(Path, files) if path.exists()]
    return max((time for path in found for time in (path.stat().st_ctime, path.lstat().st_ctime)), default=0.0)


pattern, *files = sys.argv[1:]
for command, began in processes(pattern):
    if began < changed_at(files):
        sys.stdout.write(f"{command}\n")
