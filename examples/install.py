"""
Install all that a folder of playbooks holds, and stop at a failure: `python install.py PLAYBOOKS INVENTORY`.

Ctrl-C ends the script and leaves the run alone; `installkit watch last` shows the rest of it.
"""

import argparse
import sys

import installkit
from installkit.notebook import watch


def main(playbooks: str, inventory: str) -> None:
    with installkit.Installer() as installer:
        site = installer.site("hello", inventory=inventory, catalog=playbooks)
        plan = site.plan(all=True)
        print(plan)
        run = site.start(plan, note="from a script")
        watch(run)  # a line for each step
        run.wait().raise_for_status()
        for row in site.installed():
            print(f"{row.component} {row.version} on {row.host}: {row.status}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("playbooks")
    parser.add_argument("inventory")
    try:
        main(**vars(parser.parse_args()))
    except installkit.InstallkitError as error:
        sys.exit(f"error: {error}\n{error.remedy or ''}".rstrip())
