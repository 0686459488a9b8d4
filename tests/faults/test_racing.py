"""Several processes that want the same at once."""

import subprocess
import sys

import pytest

from installkit import RunStatus
from invariants import check_run
from plays import play

RACER = """
import installkit, sys
site = installkit.Installer(sys.argv[1]).site("acme")
for line in sys.stdin:
    plan = site.plan(install=["mysql"], force=["mysql"])
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print("won", site.start(plan, requested_by=sys.argv[2], checks=False).id, flush=True)
    except installkit.SiteLockedError as exc:
        print("locked", exc.holder.get("run"), exc.holder.get("by"), flush=True)
    except installkit.StalePlanError as exc:
        print("stale", *exc.changes, flush=True)
"""


@pytest.fixture
def racers(installer, make_site):
    """Two processes, each with a plan of its own for one site."""
    make_site("acme", {"03.mysql": play("raw: sleep 0.3")})
    command = [sys.executable, "-c", RACER, str(installer.folders.data)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen([*command, "ann"], **pipes) as ann, subprocess.Popen([*command, "bob"], **pipes) as bob:
        yield ann, bob
        ann.stdin.close()
        bob.stdin.close()


def race(racers):
    """Return what each racer says of its start, in words."""
    for said in ("plan", "go"):
        for racer in racers:
            racer.stdin.write(f"{said}\n")
        lines = [racer.stdout.readline().split() for racer in racers]
    return lines


def test_of_two_processes_that_start_at_once_one_wins(installer, racers, times):
    """R15: the other is refused, and told by whose run."""
    for _ in range(times(4, 100)):
        before = {run.id for run in installer.runs()}
        (first, *won), (other, *told) = sorted(race(racers), key=lambda words: words[0] != "won")
        (run,) = [run for run in installer.runs() if run.id not in before]

        assert ("won", [run.id]) == (first, won)
        assert other in {"locked", "stale"}
        assert other == "stale" or [run.id, run.snapshot().requested_by] == told
        assert other == "locked" or "changed the site since" in " ".join(told)
        assert RunStatus.SUCCEEDED is run.wait(100).status
        check_run(run)
