"""
Install on several sites at once in an asyncio program: `python watch_many.py PLAYBOOKS INVENTORY…`.

installkit's calls block, so each goes to a thread; the loop stays free for whatever else the program does.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import installkit


async def follow(run: installkit.Run) -> AsyncIterator[installkit.Event]:
    """Yield the events of *run* as they come, until its last."""
    events = run.events(follow=True)
    while (event := await asyncio.to_thread(next, events, None)) is not None:
        yield event


async def install(site: installkit.Site) -> installkit.Run:
    plan = await asyncio.to_thread(site.plan, all=True)
    run = await asyncio.to_thread(site.start, plan)
    async for event in follow(run):
        if event.kind is installkit.EventKind.STEP_FINISHED:
            print(f"{site.name}: {event.step} {event.status}")
    return run


async def main(playbooks: str, inventories: list[str]) -> None:
    with installkit.Installer() as installer:
        sites = [
            installer.site(installkit.site_name_for(inventory), inventory=Path(inventory), catalog=playbooks)
            for inventory in inventories
        ]
        async with asyncio.timeout(1800):  # the runs go on if that is over
            runs = await asyncio.gather(*map(install, sites))
        for run in runs:
            print(run.snapshot())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("playbooks")
    parser.add_argument("inventories", nargs="+", metavar="inventory")
    try:
        asyncio.run(main(**vars(parser.parse_args())))
    except installkit.InstallkitError as error:
        sys.exit(f"error: {error}\n{error.remedy or ''}".rstrip())
