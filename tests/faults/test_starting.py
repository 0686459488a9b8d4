"""What is left of a start that was killed before its run had a name."""

import os
import time

from installkit.journal import create_journal, take_lock
from plays import play
from test_following import a_spec


def unnamed(installer, number, *, hours):
    """Leave what a starter leaves that is killed just before its run gets its name, some *hours* ago."""
    folder = installer.folders.runs / f".new-{number:012x}-00000000"
    (folder / "logs").mkdir(parents=True)
    (folder / "spec.json").write_text("{}")
    (folder / "lock").touch()
    then = time.time() - hours * 3600
    os.utime(folder, (then, then))
    return folder


def test_what_a_killed_starter_left_is_removed_by_prune_once_it_is_old(installer, make_site):
    """R3: what is young, or held by somebody, stays; a run that has its name too."""
    site = make_site("acme", {"03.mysql": play("debug:")})
    run = site.start(site.plan(install=["mysql"]), checks=False).wait(100)
    old, young, held = (unnamed(installer, number, hours=hours) for number, hours in enumerate((2, 0, 2)))
    lock = take_lock(held / "lock")
    installer.prune(keep=1, dry_run=True)
    before = old.exists()
    installer.prune(keep=1)
    lock.release()

    assert before
    assert [False, True, True] == [folder.exists() for folder in (old, young, held)]
    assert run.log("mysql")
    assert [run.id] == [each.id for each in installer.runs()]


def test_a_start_that_goes_on_is_not_taken_for_a_killed_one(installer):
    """R3: a run can be created while others prune."""
    lock = create_journal(installer.folders.runs, a_spec("7f3c00000001"))
    installer.prune()
    lock.release()

    assert (installer.folders.runs / "7f3c00000001" / "spec.json").exists()
    assert ["interrupted"] == [run.status for run in installer.runs()]
