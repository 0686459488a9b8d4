"""`demo`: real software, installed and upgraded on this machine, told in chapters."""

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
    come from PyPI and listen on this machine alone.

    installkit demo
    installkit demo --remove
    """
    root = Path(folder or f"/tmp/installkit-demo-{os.getuid()}").absolute()  # noqa: S108 - it is the user's to see
    if remove_all:
        _remove(root, yes=yes)
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
    """Return whether an earlier demo in *root* came to its end: every component is there, in its newest version."""
    data = _data_in(root)
    if not data.is_dir():
        return False
    with installkit.Installer(data) as installer:
        rows = [row for site in installer.sites() for row in site.installed()]
    there = {(row.component, row.version) for row in rows if row.status is installkit.InstallationStatus.INSTALLED}
    return {(each.name, each.default_version) for each in installkit.load_catalog(demo_catalog())} <= there


def _data_in(root: Path) -> Path:
    return root / "installkit"


def _refuse_busy_ports(root: Path) -> None:
    """Raise `RefusedError` if a port that the demo needs is taken, perhaps by another demo: better now than in the middle."""
    ports = sorted(port for how in describe(root).values() if (port := urlsplit(how).port if "://" in how else None))
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise RefusedError(
                    f"port {port} is in use, and the demo needs it",
                    f"stop what listens there: ss -ltnp 'sport = {port}' shows it; another demo: installkit demo --remove",
                )


def _remove(root: Path, *, yes: bool) -> None:
    if not root.exists():
        say(f"{root} is not there: nothing to remove")
        return
    confirm(f"Stop the demo and delete {root}?", yes=yes)
    remove(root)
    say(f"the demo is stopped, and {root} is gone")


def _play(root: Path) -> None:
    inventory = write_inventory(root)
    session = Session(str(_data_in(root)))
    try:
        _Story(session, root, inventory).tell()
    finally:
        session.close()


class _Story:
    """The demo's chapters, in order."""

    def __init__(self, session: Session, root: Path, inventory: Path) -> None:
        self._session = session
        self._root = root
        self._site = session.installer.site(SITE, inventory=inventory, catalog=demo_catalog(), title="The demo")
        self._out: Console = console()
        self._chapter = 0

    def tell(self) -> None:
        self._head("A folder of playbooks", "Each numbered playbook is a component. A manifest beside it may say more.")
        self._catalog()
        if not self._is_installed():
            self._install()
        self._head("Upgrade", "Two components go to a newer version; what needs them is left alone.")
        self._apply(UPGRADE)
        self._head("What is installed now", "Every component, its version, and when it was last seen to work.")
        self._status()
        self._head("Look around", "All of it is running now:")
        self._look()

    def _is_installed(self) -> bool:
        """Return whether an earlier demo in the folder came that far: what was upgraded is not installed anew."""
        return {each.name for each in self._site.catalog()} <= {row.component for row in self._site.installed()}

    def _install(self) -> None:
        self._head("Plan, then install", "A plan is looked at first: what happens where, in which order, and why.")
        self._apply(FIRST_REQUEST)
        self._head("The same again", "What is installed is known, and proved. So the same request has nothing to do.")
        show_plan(self._site.plan(**FIRST_REQUEST))

    def _head(self, title: str, text: str) -> None:
        self._chapter += 1
        self._out.print()
        self._out.print(Rule(Text(f"{self._chapter}. {title}", "bold"), style="dim", align="left"), width=RULE_WIDTH)
        self._out.print(text)
        self._out.print()

    def _catalog(self) -> None:
        rows = ((each.name, each.title, ", ".join(map(str, each.requires))) for each in self._site.catalog())
        print_table(("COMPONENT", "WHAT", "REQUIRES"), rows)

    def _apply(self, request: Mapping[str, Any]) -> None:
        plan = self._site.plan(**request)
        show_plan(plan)
        if not plan.empty:
            self._out.print()
            follow(self._session, self._site.start(plan, note="installkit demo"))

    def _status(self) -> None:
        columns = ("COMPONENT", "VERSION", "STATUS", "VERIFIED")
        rows = self._site.installed()
        print_table(columns, ((row.component, row.version, row.status, _clock(row)) for row in rows))

    def _look(self) -> None:
        for name, how in describe(self._root).items():
            self._line(name, how)
        self._out.print()
        if shutil.which("installkit") is None:
            self._line("first", f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
        self._line("runs", self._session.command("runs"))
        self._line("a log", self._session.command("logs", "last"))
        self._line("the end", f"installkit demo --remove --folder {self._root}")

    def _line(self, name: str, text: str) -> None:
        self._out.print(f"  {name:<11} {text}", soft_wrap=True)


def _clock(row: installkit.Installation) -> str:
    return "" if row.verified_at is None else f"{row.verified_at.astimezone():%H:%M:%S}"
