"""
Install on several sites at once in an asyncio program: `python watch_many.py PLAYBOOKS INVENTORY…`.

The calls are those of the library, awaited; the loop stays free for whatever else the program does.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import installkit


async def install(site: installkit.AsyncSite) -> installkit.AsyncRun:
    run = await site.apply(all=True)
    async for event in run.events(follow=True):
        if event.kind is installkit.EventKind.STEP_FINISHED:
            print(f"{site.name}: {event.step} {event.status}")
    return run


async def main(playbooks: str, inventories: list[str]) -> None:
    async with installkit.AsyncInstaller() as installer:
        names = [installkit.site_name_for(inventory) for inventory in inventories]
        if len(set(names)) < len(names):  # several inventories in one folder
            names = [Path(inventory).stem for inventory in inventories]
        sites = [
            await installer.site(name, inventory=Path(inventory), catalog=playbooks)
            for name, inventory in zip(names, inventories, strict=True)
        ]
        async with asyncio.timeout(1800):  # the runs go on if that is over
            runs = await asyncio.gather(*map(install, sites))
        for run in runs:
            print(await run.snapshot())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("playbooks")
    parser.add_argument("inventories", nargs="+", metavar="inventory")
    try:
        asyncio.run(main(**vars(parser.parse_args())))
    except installkit.InstallkitError as error:
        sys.exit(f"error: {error}\n{error.remedy or ''}".rstrip())
