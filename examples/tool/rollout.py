"""
Bring one site after the other up to date, and stop at the first that fails: `python rollout.py PLAYBOOKS INVENTORY…`.

A site whose hosts could not be reached gets one more try. What comes after a failure is left alone.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import installkit
from installkit import FailureCode, RunStatus


def roll_out(
    installer: installkit.Installer,
    playbooks: Path,
    inventories: Sequence[Path],
    say: Callable[[str], object] = print,
) -> bool:
    """Return whether all sites are up to date."""
    for inventory in inventories:
        site = installer.site(inventory.stem, inventory=inventory, catalog=playbooks)
        plan = site.plan(all=True)
        if plan.empty:
            say(f"{site.name}: nothing to do")
            continue
        run = site.start(plan, note="rollout").wait()
        if run.failures and all(failure.code is FailureCode.HOST_UNREACHABLE for failure in run.failures):
            say(f"{site.name}: {run.failures[0].summary}; once more")
            run = site.resume(run).wait()
        say(f"{site.name}: {run.status.value}")
        if run.status is not RunStatus.SUCCEEDED:
            for failure in run.failures:
                say(f"  {failure.summary}: {failure.message}")
            return False
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("playbooks", type=Path)
    parser.add_argument("inventories", nargs="+", metavar="inventory", type=Path)
    arguments = parser.parse_args()
    try:
        with installkit.Installer() as opened:
            sys.exit(0 if roll_out(opened, arguments.playbooks, arguments.inventories) else 1)
    except installkit.InstallkitError as error:
        sys.exit(f"error: {error}\n{error.remedy or ''}".rstrip())
