"""The program itself: its commands, and how it ends after each kind of error."""

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import attrs
import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

import installkit
from installkit.cli.commands import Group
from installkit.cli.errors import BadInputError, CommandError, say_error
from installkit.cli.session import Session


@attrs.frozen
class Entry:
    """
    The module of a command, and its line in the overview, which can thus be shown without importing any command.

    Attributes:
        module: A module of `installkit.cli`; the command has its own name there.
    """

    module: str
    summary: str


SECTIONS: Mapping[str, Mapping[str, Entry]] = {
    "Plan and apply": {
        "plan": Entry("plans", "Show what would be done, and change nothing."),
        "check": Entry("checks", "Check the hosts of a plan, and change nothing."),
        "apply": Entry("plans", "Show a plan, ask, and carry it out."),
        "resume": Entry("follow_ups", "Go on with a run that did not succeed."),
        "rollback": Entry("follow_ups", "Undo a run, to the versions before it."),
        "record": Entry("follow_ups", "Record what is there without installing it."),
        "forget": Entry("follow_ups", "Take it out of the record again."),
        "plans": Entry("made_plans", "List the plans that were made; delete some."),
    },
    "Runs": {
        "runs": Entry("runs", "List the runs, newest first."),
        "show": Entry("runs", "Show one run: steps, hosts, failures."),
        "watch": Entry("runs", "Watch a run until it ends."),
        "logs": Entry("logs", "Print what ansible-playbook printed."),
        "events": Entry("logs", "List what happened in a run, or in all runs."),
        "results": Entry("results", "Show what tasks gave on hosts."),
        "timeline": Entry("analysis", "Show the tasks of a run over time."),
        "profile": Entry("analysis", "Show where its time went, and what would be faster."),
        "compare": Entry("analysis", "Show what differs between two runs."),
        "approve": Entry("runs", "Let a waiting run go on."),
        "cancel": Entry("runs", "Ask a run to stop."),
        "report": Entry("upkeep", "Write what others need to help with a run."),
    },
    "Sites": {
        "status": Entry("sites", "Show what is installed where."),
        "site": Entry("sites", "Sites: inventory, catalog, parameters, secrets."),
        "catalog": Entry("catalogs", "Check and list a folder of playbooks."),
    },
    "Service": {
        "serve": Entry("service", "Serve all of it over HTTP, with a console."),
        "token": Entry("access", "Who may use the HTTP service."),
        "webhooks": Entry("access", "Whom the HTTP service tells of runs."),
        "audit": Entry("access", "List who changed what over HTTP."),
    },
    "Upkeep": {
        "doctor": Entry("upkeep", "Check this machine and the data directory."),
        "adopt": Entry("upkeep", "Take over a run that was copied here."),
        "reindex": Entry("upkeep", "Rebuild the database from the runs' journals."),
        "prune": Entry("upkeep", "Free the space that old logs take."),
    },
    "Learn": {
        "help": Entry("topics", "Explain requests, secrets, exit codes and more."),
        "completion": Entry("completion", "Let the shell complete commands and names."),
        "demo": Entry("demo", "Install real software on this machine, without root."),
    },
}
COMMANDS: Mapping[str, Entry] = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


OF_THE_MACHINE = frozenset(["adopt", "audit", "catalog", "demo", "prune", "reindex", "serve", "token", "webhooks"])
"""Commands that need the data directory, or files, of the machine where they are called."""


class App(Group):
    """The group of all commands: each is imported when it is used, and errors are shown as a message and a remedy."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Import the command and return it; None if there is no command with this name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(import_module(f"installkit.cli.{entry.module}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        """Write the overview, without importing a command."""
        for section, entries in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(10), entry.summary) for name, entry in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """Return the commands and options that begin with *incomplete*, without importing a command."""
        commands = [
            CompletionItem(name, help=entry.summary) for name, entry in COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out the command; an error becomes a message, a remedy and an exit code."""
        try:
            return super().invoke(ctx)
        except installkit.InstallkitError as exc:
            raise CommandError(exc, ctx.find_object(Session)) from exc
        except click.UsageError as exc:
            raise BadInputError(exc) from exc
        except BrokenPipeError:
            raise
        except OSError as exc:
            if isinstance(exc, FileNotFoundError) and not _current_directory_exists():
                say_error("the current directory is no longer there", "change to another (cd), and try again")
                ctx.exit(1)
            say_error(f"{exc.filename or 'the output'} cannot be used: {exc.strerror}")
            ctx.exit(1)
        except (KeyboardInterrupt, click.Abort):
            say_error("stopped by Ctrl-C")
            ctx.exit(130)


def _current_directory_exists() -> bool:
    try:
        return bool(os.getcwd())  # noqa: PTH109 - Path.cwd() is the same
    except FileNotFoundError:
        return False


@click.group(cls=App, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data-dir",
    metavar="DIR",
    help="Where sites, plans and runs are kept.  [env: INSTALLKIT_DATA_DIR]",
)
@click.option(
    "--service",
    metavar="URL",
    envvar="INSTALLKIT_SERVICE",
    help="Work on the sites and runs of a service instead; its token is in INSTALLKIT_TOKEN.  [env: INSTALLKIT_SERVICE]",
)
@click.option("--token-file", metavar="FILE", help="Read the service's token from this file.")
@click.version_option(installkit.__version__, prog_name="installkit")
@click.pass_context
def app(ctx: click.Context, data_dir: str | None, service: str | None, token_file: str | None) -> None:
    """
    Plan, run and watch a folder of numbered Ansible playbooks.

    installkit plan  -c playbooks -i hosts.yml --install mysql
    installkit apply -c playbooks -i hosts.yml --install mysql
    installkit status
    """
    named = ctx.get_parameter_source("service") is ParameterSource.COMMANDLINE
    if data_dir and named:
        raise click.UsageError("--data-dir and --service name two places: leave one of them out")
    if data_dir:
        service = None
    if service and ctx.invoked_subcommand in OF_THE_MACHINE:
        raise installkit.PlanningError(
            f"`{ctx.invoked_subcommand}` works on the machine itself, on its data directory and its files, and not through"
            " a service",
            remedy="call it there, without --service and INSTALLKIT_SERVICE",
        )
    session = Session(data_dir, service=service or None, token_file=token_file, named=named)
    ctx.obj = session
    ctx.call_on_close(session.close)
