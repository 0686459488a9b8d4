"""The library for asyncio: the same calls, awaited; followers that cost no thread and are canceled at once."""

import asyncio
import inspect
import threading
import time

import pytest

import installkit
from installkit import aio
from installkit.journal import watch
from site_runs import until
from waiting_runs import start_waiting

PAIRS = [
    (installkit.AsyncInstaller, installkit.Installer),
    (installkit.AsyncSite, installkit.Site),
    (installkit.AsyncRun, installkit.Run),
    (installkit.AsyncParameters, installkit.Parameters),
    (installkit.AsyncSecrets, installkit.Secrets),
    (installkit.AsyncSiteInventory, installkit.SiteInventory),
]
OF_THREADS = {
    "close": "the end of the context does it",
    "one_survey": "a context of one thread",
    "event_reader": "`events` is made of it",
    "on": "`events` in a task of its own does it",
    "notify": "the same, or `async_installer.sync.notify`",
    "arrival_reader": "`events` is made of it",
    "log_reader": "`follow_log` is made of it",
    "log_readers": "`follow_log` is made of it",
    "wait_for_checks": "`check` is made of it",
}
"""Calls that have no awaited form, and why."""

PLAY = "- hosts: all\n  gather_facts: false\n  tasks: [debug: {msg: hi}]\n"


def calls_of(kind):
    return {name for name, member in vars(kind).items() if inspect.isfunction(member) and not name.startswith("_")}


@pytest.mark.parametrize(("awaited", "sync"), PAIRS)
def test_every_call_has_its_awaited_form(awaited, sync):
    """By the same name, and with the same arguments."""
    calls = calls_of(sync) - OF_THREADS.keys()

    assert calls == calls_of(awaited) & calls
    for name in calls:
        arguments = [list(inspect.signature(getattr(kind, name)).parameters) for kind in (awaited, sync)]
        assert arguments[0] == arguments[1], name


@pytest.fixture
def data(installer):
    return installer.folders.data


def test_a_plan_is_made_carried_out_and_followed(data, fake, folder, inventory):
    (folder / "01.app.yml").write_text(PLAY)

    async def install():
        async with installkit.AsyncInstaller(data, ansible=fake) as installer:
            site = await installer.site("acme", inventory=inventory, catalog=folder)
            plan = await site.plan(install=["app"])
            run = await site.start(plan, checks=False)
            seqs = [event.seq async for event in run.events(follow=True)]
            later = [event.seq async for event in run.events(after=2, limit=3)]
            log = b"".join([chunk async for chunk in run.follow_log("app")])
            newest = [(await site.runs())[0].id, (await installer.run("last")).id]
            ended = await (await (await run.wait()).raise_for_status()).snapshot()
            return run.id, newest, seqs, later, log, await run.log("app"), ended

    run_id, newest, seqs, later, followed, log, now = asyncio.run(install())

    assert [run_id] * 2 == newest
    assert list(range(1, len(seqs) + 1)) == seqs
    assert [3, 4, 5] == later
    assert b"PLAY RECAP" in log
    assert log == followed
    assert installkit.RunStatus.SUCCEEDED is now.status


@pytest.mark.parametrize("polls", [False, True], ids=["woken", "polling"])
def test_a_hundred_followers_cost_no_thread_and_go_at_once(installer, data, monkeypatch, polls):
    """The run waits for a person: nothing is written. Then somebody approves, and all of them see the end."""
    if polls:
        monkeypatch.setattr(watch, "_open_inotify", lambda: None)
    sync = start_waiting(installer)

    async def follow():
        async with installkit.AsyncInstaller(data) as opened:
            run = await opened.run(sync.id)
            seen = [0] * 100
            asked = [asyncio.Event() for _ in seen]

            async def count(number):
                async for event in run.events(follow=True):
                    seen[number] += 1
                    if event.kind is installkit.EventKind.APPROVAL_REQUESTED:
                        asked[number].set()

            tasks = [asyncio.create_task(count(number)) for number in range(100)]
            async with asyncio.timeout(60):
                await asyncio.gather(*(each.wait() for each in asked))
            threads = threading.active_count()
            began = time.monotonic()
            tasks[0].cancel()
            await asyncio.wait([tasks[0]])
            took = time.monotonic() - began
            with pytest.raises(TimeoutError, match=r"has not ended within 0\.2 s"):
                await run.wait(0.2)
            await run.approve()
            await run.wait(60)
            await asyncio.gather(*tasks[1:])
            return seen, threads, took

    before = threading.active_count()
    seen, threads, took = asyncio.run(follow())

    assert {len(list(sync.events()))} == set(seen[1:])
    assert threads - before <= aio.CALLS + aio.READS + 1  # and the one that writes to the database
    assert took < 0.05


def test_a_timeout_ends_what_it_should(installer, data):
    """No thread is left that would hold the loop until the run's next event."""
    run = start_waiting(installer)

    async def follow():
        async with installkit.AsyncInstaller(data) as opened, asyncio.timeout(1):
            async for _ in (await opened.run(run.id)).events(follow=True):
                pass

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(follow())
    took = time.monotonic() - began
    run.cancel(now=True)

    assert took < 10
    assert installkit.RunStatus.CANCELED is run.wait(60).status


def test_a_follower_that_is_broken_off_may_outlive_its_installer(installer, data):
    """The loop closes what was left open of it at its own end, without a word."""
    run = start_waiting(installer)
    problems = []

    async def follow():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        async with installkit.AsyncInstaller(data) as opened:
            events = (await opened.run(run.id)).events(follow=True)
            first = await anext(events)
        return events, first

    _, first = asyncio.run(follow())
    run.cancel(now=True)

    assert 1 == first.seq
    assert [] == problems


def test_an_installer_that_cannot_be_opened_leaves_no_thread(tmp_path):
    (tmp_path / "file").touch()

    async def enter():
        async with installkit.AsyncInstaller(tmp_path / "file"):
            pass

    before = threading.active_count()
    with pytest.raises(installkit.StoreError):
        asyncio.run(enter())

    until(lambda: before == threading.active_count(), 5)


def test_what_cannot_be_watched_is_looked_at_again_and_again(tmp_path, monkeypatch):
    """A folder on a network file system, one that is gone, and a user who has no watch left."""
    monkeypatch.setattr(watch, "_is_remote", lambda folder: folder.name == "far")
    (tmp_path / "far").mkdir()
    (tmp_path / "near").mkdir()
    polls = {}
    for name in ("near", "far", "gone"):
        with watch.Watch(tmp_path / name) as seen:
            polls[name] = seen.polls

    assert {"near": False, "far": True, "gone": True} == polls


def test_a_change_wakes_who_waits(tmp_path):
    with watch.Watch(tmp_path) as seen:
        threading.Timer(0.2, (tmp_path / "new").touch).start()
        began = time.monotonic()
        seen.wait(20)

    assert 0.1 < time.monotonic() - began < 10


def test_a_watch_keeps_to_the_folders_that_it_is_given(tmp_path):
    """Only a new one has to be read again; who is not watched any more wakes nobody."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with watch.Watch() as seen:
        new = [seen.keep([one]), seen.keep([one, two]), seen.keep([two])]
        seen.changed()  # that a watch was taken back is told once
        (one / "file").touch()
        began = time.monotonic()
        seen.wait(0.2)
        unwatched = time.monotonic() - began
        (two / "file").touch()
        began = time.monotonic()
        seen.wait(0.5)
        watched = time.monotonic() - began

    assert [True, True, False] == new
    assert unwatched > 0.15
    assert watched < 0.15


def test_what_changes_in_quick_succession_is_told_together(tmp_path):
    """The first change wakes at once, those after it not before the gap is over."""
    times = []
    with watch.Watch(tmp_path, gap=0.2) as seen:
        began = time.monotonic()
        for number in range(3):
            (tmp_path / f"{number}").touch()
            seen.wait()
            times.append(time.monotonic() - began)

    assert times[0] < 0.1
    assert 0.2 <= times[1] < 0.35
    assert 0.4 <= times[2] < 0.55
