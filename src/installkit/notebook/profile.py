"""Where the time of a run went, as a page."""

from markupsafe import Markup

from installkit import RunProfile
from installkit.notebook.markup import bar, heading, joined, page, quiet, table
from installkit.text import counted, duration_text


def profile_page(profile: RunProfile) -> str:
    """Return the page of *profile*."""
    shares = (
        (each.use.text, duration_text(each.duration), f"{each.share:.0%}", bar(each.share, "ok"))
        for each in profile.shares
    )
    tasks = (
        (task.task, task.component, counted(task.hosts, "host"), duration_text(task.duration), task.slowest_host)
        for task in profile.tasks
    )
    hosts = ((host.host, duration_text(host.busy), duration_text(host.waited_for)) for host in profile.hosts)
    return page(
        heading(profile.label),
        table(("time for", "took", "share", ""), shares) or quiet("nothing has happened yet"),
        table(("task", "component", "on", "took", "slowest host"), tasks),
        table(("host", "busy", "others waited for it"), hosts),
        joined(Markup("<p>faster: {}</p>").format(line) for line in profile.advice),
    )
