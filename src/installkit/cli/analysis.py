"""`compare`, `timeline` and `profile`: what differs between two runs, and where the time of one went."""

from collections.abc import Callable

import click

import installkit
from installkit.cli.commands import Command
from installkit.cli.completion import complete_runs
from installkit.cli.output import console, print_json, print_table
from installkit.cli.session import Session, pass_session, say, short
from installkit.text import counted, duration_text

TASKS_SHOWN = 10
"""So many tasks whose times differ most are shown."""

BAR = 30
"""Characters for the whole time of a run."""


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.argument("other", required=False, shell_complete=complete_runs)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@pass_session
def compare(session: Session, run: str, other: str | None, *, as_json: bool) -> None:
    """
    Show what differs between two runs: steps, hosts, and the times of tasks.

    RUN and OTHER are ids, the beginnings of ids, or `last`; the run that was created first is shown as the earlier one.
    Without OTHER it is the last run on the same site before RUN.

    installkit compare last
    installkit compare 7f3c 91d0
    """
    target = session.installer.run(run)
    if other is None and not (before := target.earlier(limit=1)):
        raise installkit.PlanningError(
            f"there is no run on site {target.site} before run {short(target.id)}",
            remedy=installkit.Remedy("name the run to compare it with", ("runs",)),
        )
    compare_with: Callable[..., installkit.RunComparison] = target.compare  # both are of one place
    comparison = compare_with(before[0] if other is None else session.installer.run(other))
    if as_json:
        print_json(comparison)
        return
    now, earlier = comparison.labels
    console().print(f"run {now} and, before it, {earlier}\n")
    steps = (
        (
            " ".join(filter(None, (step.action.value, step.component, step.versions))),
            step.status or "-",
            step.earlier_status or "-",
            duration_text(step.duration),
            duration_text(step.earlier_duration),
        )
        for step in comparison.main_steps
    )
    print_table(("STEP", "STATUS", "BEFORE", "TOOK", "BEFORE"), steps)
    if comparison.other_steps:
        say(comparison.other_steps)
    hosts = [
        (host.host, f"{host.action.value} {host.component}", host.status or "-", host.earlier_status or "-")
        for host in comparison.hosts
    ]
    tasks = [
        (
            task.task,
            task.component,
            "" if None in {task.duration, task.earlier_duration} else f"{task.slower_by:+.1f} s",
            duration_text(task.duration),
            duration_text(task.earlier_duration),
        )
        for task in comparison.tasks[:TASKS_SHOWN]
    ]
    if hosts:
        console().print()
        print_table(("HOST", "STEP", "STATUS", "BEFORE"), hosts)
    if tasks:
        console().print()
        print_table(("TASK", "COMPONENT", "SLOWER BY", "TOOK", "BEFORE"), tasks)


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.option("--json", "as_json", is_flag=True, help="Print all tasks on all hosts, with their times, as JSON.")
@pass_session
def timeline(session: Session, run: str, *, as_json: bool) -> None:
    """
    Show where the time of a run went: its slowest tasks, and when each was carried out.

    RUN is an id, the beginning of one, or `last`.

    installkit timeline last
    installkit timeline 7f3c --json
    """
    spans = session.installer.run(run).timeline()
    if as_json:
        print_json(spans)
        return
    if not spans.tasks:
        say(str(spans))
        return
    missing = f"; {spans.missing} are not in it" if spans.missing else ""
    console().print(f"the slowest of {counted(len(spans.tasks), 'task')} of {spans.label}{missing}\n")
    begin = min(task.started_at for task in spans.tasks)
    whole = max((task.finished_at - begin).total_seconds() for task in spans.tasks) or 1.0
    rows = []
    for task in spans.slowest:
        start = min(BAR - 1, int((task.started_at - begin).total_seconds() / whole * BAR))
        length = max(1, round(task.duration / whole * BAR))
        bar = ("·" * start + "█" * length)[:BAR].ljust(BAR, "·")
        rows.append((duration_text(task.duration), task.task, task.component, task.host, task.status, bar))
    print_table(("TOOK", "TASK", "COMPONENT", "HOST", "STATUS", f"WHEN, OF {duration_text(whole)}"), rows)


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.option("--json", "as_json", is_flag=True, help="Print the profile as JSON.")
@pass_session
def profile(session: Session, run: str, *, as_json: bool) -> None:
    """
    Show where the time of a run went, and what would make it faster.

    Each moment counts once. Where several things go on, a task counts first, then the gathering of facts, then
    what Ansible and installkit need for themselves. RUN is an id, the beginning of one, or `last`.

    installkit profile last
    installkit profile 7f3c --json
    """
    made = session.installer.run(run).profile()
    if as_json:
        print_json(made)
        return
    console().print(f"{made.label}\n")
    shares = (
        (each.use.text, duration_text(each.duration), f"{each.share:.0%}", "█" * round(each.share * BAR))
        for each in made.shares
    )
    print_table(("TIME FOR", "TOOK", "SHARE", ""), shares)
    tasks = [
        (duration_text(task.duration), task.task, task.component, counted(task.hosts, "host"), _slowest(task))
        for task in made.tasks
    ]
    hosts = [(host.host, duration_text(host.busy), duration_text(host.waited_for)) for host in made.hosts]
    if tasks:
        console().print()
        print_table(("TOOK", "TASK", "COMPONENT", "ON", "LONGEST"), tasks)
    if len(hosts) > 1:
        console().print()
        print_table(("HOST", "BUSY", "OTHERS WAITED"), hosts)
    if made.advice:
        console().print("\nwhat would make it faster:", style="bold")
        for line in made.advice:
            console().print(f"- {line}")


def _slowest(task: installkit.TaskCost) -> str:
    return f"{duration_text(task.longest)} on {task.slowest_host}" if task.hosts > 1 else task.slowest_host
