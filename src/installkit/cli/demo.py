"""`demo`: real software is installed and upgraded on this machine, in chapters."""

import contextlib
import itertools
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

import installkit
from installkit.cli.commands import Command
from installkit.cli.endings import follow
from installkit.cli.errors import RefusedError
from installkit.cli.output import console, print_table
from installkit.cli.plans import confirm, show_plan
from installkit.cli.session import Session, say
from installkit.demo import FIRST_REQUEST, UPGRADE, demo_catalog, describe, remove, write_inventory

SITE = "demo"
RULE_WIDTH = 80


@click.command(cls=Command)
@click.option("--folder", metavar="DIR", type=click.Path(file_okay=False), help="Where all of it lives.")
@click.option("--remove", "remove_all", is_flag=True, help="Stop and remove all of it.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def demo(folder: str | None, *, remove_all: bool, yes: bool) -> None:
    """
    Install real software on this machine, without root, in a folder of its own.

    A message broker (NATS), a web view of a database (Datasette) and a small shop, kept running by supervisord. They
    come from PyPI and can be reached only from this machine.

    installkit demo
    installkit demo --remove
    """
    root = Path(folder or f"/tmp/installkit-demo-{os.getuid()}").absolute()  # noqa: S108 - it is the user's to see
    if remove_all:
        if not root.exists():
            say(f"{root} is not there: nothing to remove")
            return
        confirm(f"Stop the demo and delete {root}?", yes=yes)
        remove(root)
        say(f"the demo is stopped, and {root} is gone")
        return
    if not root.exists():
        _refuse_busy_ports(root)
    if _is_complete(root):
        say(f"The demo is in {root} already: it is shown again, and nothing is downloaded.")
    else:
        say(f"The demo downloads about 40 MB from PyPI and installs it in {root}; nothing else is touched.")
    confirm("Go ahead?", yes=yes)
    _play(root)


def _is_complete(root: Path) -> bool:
    """Return whether an earlier demo in *root* was completed: every component is installed in its newest version."""
    data = _data_in(root)
    if not data.is_dir():
        return False
    with installkit.Installer(data) as installer:
        rows = [row for site in installer.sites() for row in site.installed()]
    installed = {(row.component, row.version) for row in rows if row.status is installkit.InstallationStatus.INSTALLED}
    catalog = installkit.load_catalog(demo_catalog())
    return {(component.name, component.default_version) for component in catalog} <= installed


def _data_in(root: Path) -> Path:
    return root / "installkit"


def _refuse_busy_ports(root: Path) -> None:
    """Raise `RefusedError` if a port of the demo is in use, perhaps by another demo: it would fail halfway later."""
    urls = [text for text in describe(root).values() if "://" in text]
    for port in sorted(filter(None, (urlsplit(url).port for url in urls))):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise RefusedError(
                    f"port {port} is in use, and the demo needs it",
                    f"stop what listens there: ss -ltnp 'sport = {port}' shows it; another demo: installkit demo --remove",
                )


def _play(root: Path) -> None:
    inventory = write_inventory(root)
    out, chapters = console(), itertools.count(1)
    with contextlib.closing(Session(str(_data_in(root)))) as session:
        site = session.here.site(SITE, inventory=inventory, catalog=demo_catalog(), title="The demo")
        text = "Each numbered playbook is a component. A manifest beside it may say more."
        _head(out, next(chapters), "A folder of playbooks", text)
        catalog = site.catalog()
        rows = ((component.name, component.title, ", ".join(map(str, component.requires))) for component in catalog)
        print_table(("COMPONENT", "WHAT", "REQUIRES"), rows)

        # If an earlier demo came this far, its components, which may be upgraded already, are not installed again.
        if not {component.name for component in catalog} <= {row.component for row in site.installed()}:
            text = "A plan is looked at first: what happens where, in which order, and why."
            _head(out, next(chapters), "Plan, then install", text)
            _apply(out, session, site, FIRST_REQUEST)
            text = "What is installed is known, and proved. So the same request has nothing to do."
            _head(out, next(chapters), "The same again", text)
            show_plan(site.plan(**FIRST_REQUEST))

        text = "Two components go to a newer version; what needs them is left alone."
        _head(out, next(chapters), "Upgrade", text)
        _apply(out, session, site, UPGRADE)

        text = "Every component, its version, and when it was last seen to work."
        _head(out, next(chapters), "What is installed now", text)
        status = []
        for row in site.installed():
            verified = f"{row.verified_at.astimezone():%H:%M:%S}" if row.verified_at else ""
            status.append((row.component, row.version, row.status, verified))
        print_table(("COMPONENT", "VERSION", "STATUS", "VERIFIED"), status)

        _head(out, next(chapters), "Look around", "All of it is running now:")
        for name, text in describe(root).items():
            _line(out, name, text)
        out.print()
        if shutil.which("installkit") is None:
            _line(out, "first", f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
        _line(out, "runs", session.command("runs"))
        _line(out, "a log", session.command("logs", "last"))
        _line(out, "the end", f"installkit demo --remove --folder {root}")


def _head(out: Console, chapter: int, title: str, text: str) -> None:
    out.print()
    out.print(Rule(Text(f"{chapter}. {title}", "bold"), style="dim", align="left"), width=RULE_WIDTH)
    out.print(text)
    out.print()


def _apply(out: Console, session: Session, site: installkit.AnySite, request: Mapping[str, Any]) -> None:
    plan = site.plan(**request)
    show_plan(plan)
    if not plan.empty:
        out.print()
        follow(session, site.start(plan, note="installkit demo"))


def _line(out: Console, name: str, text: str) -> None:
    out.print(f"  {name:<11} {text}", soft_wrap=True)
