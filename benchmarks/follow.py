"""
P20: from an event in a journal to those who follow all runs, and what they cost while nothing happens.

    python benchmarks/follow.py [--events 200] [--followers 100] [--ended 1000]

A live run writes an event at a time, beside many runs that ended. Followers are threads of one process
(`Installer.events`), or tasks of one event loop (`AsyncInstaller.events`).
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from journals import NOW, drafts, write_journal

import installkit
from installkit.journal import encode_event, open_journal, take_lock
from installkit.model import time_to_wire

LIVE = "f00000000000"
EVERY = 0.05
IDLE = 5.0

Seen = dict[int, list[float]]
"""When each event was seen, by its number, once for each follower."""


def write_slowly(data: Path, events: int) -> dict[int, float]:
    """Write *events* events of the live run, and return when each was there, by its number."""
    written = {}
    with closing(open_journal(data / "runs" / LIVE)) as writer:
        for draft in list(drafts(events + 2))[2:]:
            line = encode_event({"time": time_to_wire(NOW), "run": LIVE, **draft})
            written[writer.last_seq + 1] = time.monotonic()
            writer.append(line)
            time.sleep(EVERY)
    return written


def in_threads(data: Path, followers: int, seen: Seen, act: Callable[[], None]) -> None:
    """Carry out *act* while threads follow; they end with the process."""
    installer = installkit.Installer(data)

    def _follow() -> None:
        with contextlib.suppress(installkit.StoreError):  # the data is gone
            for arrival in installer.events(follow=True, after="now"):
                seen.setdefault(arrival.event.seq, []).append(time.monotonic())

    for _ in range(followers):
        threading.Thread(target=_follow, daemon=True).start()
    time.sleep(1.0)
    act()


def in_a_loop(data: Path, followers: int, seen: Seen, act: Callable[[], None]) -> None:
    """Carry out *act* while tasks follow."""

    async def _all() -> None:
        async with installkit.AsyncInstaller(data) as installer:

            async def _follow() -> None:
                async for arrival in installer.events(follow=True, after="now"):
                    seen.setdefault(arrival.event.seq, []).append(time.monotonic())

            tasks = [asyncio.create_task(_follow()) for _ in range(followers)]
            await asyncio.sleep(1.0)
            await asyncio.to_thread(act)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(_all())


def measure(
    name: str, follow: Callable[[Path, int, Seen, Callable[[], None]], None], data: Path, followers: int, events: int
) -> None:
    """Print a row: delays of all followers together, and the processor's time while nothing is written."""
    seen: Seen = {}
    delays: list[float] = []
    idle = 0.0

    def _act() -> None:
        nonlocal idle
        written = write_slowly(data, events)
        time.sleep(1.0)
        delays.extend(at - written[seq] for seq, times in [*seen.items()] for at in times if seq in written)
        if len(delays) != followers * events:
            raise AssertionError(f"{len(delays)} of {followers * events} events were seen")
        before = time.process_time()
        time.sleep(IDLE)
        idle = (time.process_time() - before) / IDLE

    follow(data, followers, seen, _act)
    delays.sort()
    middle, late = statistics.median(delays), delays[int(len(delays) * 0.95)]
    print(f"{name:<10}{followers:>10}{middle * 1000:>12.1f}{late * 1000:>10.1f}{idle * 100:>10.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="P20: following all runs")
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--followers", type=int, default=100)
    parser.add_argument("--ended", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        with closing(installkit.Installer(data)) as installer:
            for number in range(options.ended):
                write_journal(data / "runs", f"{number:012x}", 20, finished=True)
            installer.reindex()
        write_journal(data / "runs", LIVE, 10, finished=False)
        lock = take_lock(data / "runs" / LIVE / "lock")
        print(f"{'':<10}{'followers':>10}{'median ms':>12}{'95 % ms':>10}{'idle %':>10}")
        measure("loop", in_a_loop, data, 1, options.events)
        measure("loop", in_a_loop, data, options.followers, options.events)
        measure("threads", in_threads, data, 1, options.events)
        measure("threads", in_threads, data, options.followers, options.events)
        if lock is not None:
            lock.release()


if __name__ == "__main__":
    main()
