"""Watching a run until it ends, and what is printed then: what went wrong, where, and what to do next."""

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

import installkit
from installkit.cli.checks import show_findings
from installkit.cli.errors import DETACHED, FAILED, REFUSED
from installkit.cli.live import show_live
from installkit.cli.output import STYLES, console, plain, print_json
from installkit.cli.session import Session, say, short
from installkit.text import counted, duration_text, join_names

MESSAGE_LINES = 15

MOST_NAMES = 20
"""At most so many hosts and steps of one failure are named."""


def follow(session: Session, run: installkit.AnyRun, *, as_json: bool = False) -> None:
    """
    Show *run* until it ends, then print its result on stdout.

    Ctrl-C ends the watching, but not the run; the commands to watch it again or to cancel it are printed.

    Raises:
        click.exceptions.Exit: With 1 if it did not succeed, with 3 if it failed at its checks, with 130 after Ctrl-C.
    """
    try:
        show_live(run, session.command("approve", short(run.id)))
        now = run.wait().snapshot()
    except KeyboardInterrupt:
        say(f"\nrun {short(run.id)} goes on without this terminal")
        say(f"  to watch it    {session.command('watch', short(run.id))}")
        say(f"  to cancel it   {session.command('cancel', short(run.id))}")
        raise click.exceptions.Exit(DETACHED) from None
    if as_json:
        print_json(now)
    else:
        _show_end(session, run, now)
    if now.failed_checks:
        raise click.exceptions.Exit(REFUSED)
    if now.status is not installkit.RunStatus.SUCCEEDED:
        raise click.exceptions.Exit(FAILED)


def _show_end(session: Session, run: installkit.AnyRun, now: installkit.RunSnapshot) -> None:
    """Print the result of *run*, which has ended with the state *now*; failures with the same cause are one block."""
    out = console()
    good = now.status is installkit.RunStatus.SUCCEEDED
    took = f" {'in' if good else 'after'} {duration_text(now.duration)}" if now.duration is not None else ""
    head = Text(f"{'✓' if good else '✗'} run {short(now.id)} {now.status.value}{took}", STYLES[now.status])
    hosts = {host for step in now.steps for host in step.host_statuses}
    done, total = sum(step.status is installkit.StepStatus.SUCCEEDED for step in now.steps), now.progress.total
    steps = counted(done, "step") if done == total else f"{done} of {counted(total, 'step')} succeeded"
    tasks = {word: sum(counts.get(word, 0) for counts in now.recap.values()) for word in ("ok", "changed", "failed")}
    task_text = ", ".join(f"{number} {word}" for word, number in tasks.items() if number)
    head.append(
        f": {steps}, {counted(len(hosts), 'host')}" + (f" (tasks: {task_text})" if task_text else ""), "default"
    )
    out.print(head)
    for line in remarks(run):
        out.print(f"  {line}")
    for line in run.warnings():
        out.print(f"  warning: {plain(line)}", style="yellow")
    if now.reason and not now.failures:
        out.print(f"  {plain(now.reason)}")
    show_failures(out, now)
    show_findings(check for step in now.steps for check in step.checks if not check.blocks)
    out.print()
    commands = next_commands(session, run)
    width = max(len(purpose) for purpose in commands)
    for purpose, command in commands.items():
        out.print(Text(f"  {purpose:<{width}}   {command}"), soft_wrap=True)


def remarks(run: installkit.AnyRun) -> list[str]:
    """Return what else to know about *run*: whether it was a dry run, and whether its events and logs were pruned."""
    dry = ["a dry run (--check): nothing was changed"] if run.spec().options.check_mode else []
    return [*dry, *(["its events and logs were pruned; how it ended is kept"] if run.pruned else [])]


def show_failures(out: Console, now: installkit.RunSnapshot) -> None:
    """Print what went wrong in the run *now*: one block for each cause, with its hosts and steps."""
    for failure in now.failures:
        out.print()
        out.print(Padding(Text(plain(failure.summary), "bold red"), (0, 0, 0, 2), expand=False))
        facts = {
            "code": failure.code,
            "where": failure.location or "",
            "steps" if len(failure.steps) > 1 else "step": join_names(failure.steps, most=MOST_NAMES),
            "hosts": join_names(failure.hosts, most=MOST_NAMES),
        }
        for name, value in facts.items():
            if value:
                out.print(Padding(Text(f"{name:<6} {plain(value)}"), (0, 0, 0, 4), expand=False))
        lines = plain(failure.message).strip().splitlines()
        more = len(lines) - MESSAGE_LINES
        shown = [*lines[:MESSAGE_LINES], *([f"… {counted(more, 'more line')} in the log"] if more > 0 else [])]
        out.print(Padding(Text("\n".join(shown)), (0, 0, 0, 6), expand=False))
        if failure.remedy:
            out.print(Padding(Text(f"→ {failure.remedy}", "yellow"), (0, 0, 0, 4), expand=False))


def next_commands(session: Session, run: installkit.AnyRun) -> dict[str, str]:
    """Return the commands that may follow *run*, which has ended, by their purpose."""
    return {purpose: session.command(*words) for purpose, words in run.next_commands().items()}
