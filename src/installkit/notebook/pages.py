"""Plans, catalogs and sites as pages."""

from collections import defaultdict

from markupsafe import Markup

import installkit
from installkit.notebook.markup import facts, folded, heading, joined, page, quiet, table, word, words
from installkit.text import counted, duration_text, join_names, time_text

RUNS_SHOWN = 5


def plan_page(plan: installkit.Plan) -> str:
    """Return the page of *plan*: what changes where and why, and its steps."""
    changes = ((*row[:4], words(row[4])) for row in installkit.plan_rows(plan))
    steps = (
        (step.seq, step.text, step.playbook, "" if step.batch is None else step.batch, ", ".join(step.needs))
        for step in plan.steps
    )
    return page(
        heading(f"plan {plan.id[:6]} for {plan.site}:", plan.summary),
        joined(Markup("<div>{} {}</div>").format(word("warn", "warn"), warning) for warning in plan.warnings),
        joined(map(quiet, plan.waits)),
        table(("component", "hosts", "change", "why", "risk"), changes),
        folded(counted(len(plan.steps), "step"), table(("", "step", "playbook", "batch", "after"), steps)),
    )


def catalog_page(catalog: installkit.Catalog) -> str:
    """Return the page of *catalog*: its components and their parameters."""
    rows = (
        (
            component.order,
            component.name,
            "" if component.title == component.name else component.title,
            ", ".join(component.versions),
            component.hosts,
            ", ".join(str(required) for required in component.requires),
            ", ".join(spec.action.value for spec in component.actions),
        )
        for component in catalog
    )
    parameters = (
        (item.name, item.component, item.type, "secret" if item.secret else item.value, item.on_change)
        for component in catalog
        for item in component.parameters
    )
    return page(
        heading(f"catalog: {counted(len(catalog), 'component')}"),
        quiet(str(catalog.folder)),
        joined(Markup("<div>{} {}</div>").format(word("warn", "warn"), warning) for warning in catalog.warnings),
        table(("", "component", "title", "versions", "hosts", "requires", "actions"), rows),
        folded("parameters", table(("parameter", "component", "type", "default", "a change asks for"), parameters)),
        quiet(f"not components: {', '.join(catalog.others)}" if catalog.others else ""),
    )


def site_page(site: installkit.Site) -> str:
    """Return the page of *site* as it is now: what is installed, and its last runs."""
    now = site.snapshot()
    lock = now.lock and f"{now.lock.doing}, by {now.lock.by} (run {now.lock.run[:6]})"
    hosts: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in site.installed():
        hosts[row.component, row.version or "", row.status.value].append(row.host)
    installed = (
        (component, version, word(status), join_names(names)) for (component, version, status), names in hosts.items()
    )
    last_runs = (
        (run.id[:6], word(run.status.value), time_text(run.created_at), duration_text(run.duration), run.note)
        for run in [run.snapshot(settle=False) for run in site.runs(limit=RUNS_SHOWN)]
    )
    return page(
        heading(f"site {now.title}", *([word("changing", "changing")] if lock else [])),
        facts({"inventory": now.inventory.path, "catalog": now.catalog, "under way": lock}),
        table(("component", "version", "status", "hosts"), installed) or quiet("nothing is recorded as installed"),
        table(("last runs", "", "started", "took", "note"), last_runs),
    )
