"""What a notebook shows for each kind of value: HTML, a picture or a chart, and text where nothing can be drawn."""

import functools
from typing import Any

import installkit
from installkit.notebook.comparison import comparison_page
from installkit.notebook.graph import graph_svg
from installkit.notebook.markup import page, quiet
from installkit.notebook.pages import catalog_page, plan_page, site_page
from installkit.notebook.profile import profile_page
from installkit.notebook.runs import run_page
from installkit.notebook.timeline import timeline_chart, timeline_svg

VEGA_LITE = "application/vnd.vegalite.v5+json"

Bundle = dict[str, Any]
"""Content by MIME type: a notebook shows the richest that it can draw."""


@functools.singledispatch
def mimebundle(value: Any) -> Bundle:
    """
    Return what a notebook shows for *value*, by MIME type.

    Raises:
        TypeError: If values of its kind cannot be drawn.
    """
    raise TypeError(f"nothing is drawn of a {type(value).__name__}")


@mimebundle.register
def _(plan: installkit.Plan) -> Bundle:
    return {"text/html": plan_page(plan), "text/plain": installkit.plan_table(plan)}


@mimebundle.register
def _(graph: installkit.PlanGraph) -> Bundle:
    return {"image/svg+xml": str(graph_svg(graph)), "text/plain": str(graph)}


@mimebundle.register
def _(run: installkit.Run) -> Bundle:
    now = run.snapshot(settle=False)
    return {"text/html": page(*run_page(now)), "text/plain": str(now)}


@mimebundle.register
def _(timeline: installkit.Timeline) -> Bundle:
    if not timeline.tasks:
        return {"text/html": page(quiet(str(timeline))), "text/plain": str(timeline)}
    return {
        VEGA_LITE: timeline_chart(timeline),
        "image/svg+xml": str(timeline_svg(timeline)),
        "text/plain": str(timeline),
    }


@mimebundle.register
def _(comparison: installkit.RunComparison) -> Bundle:
    return {"text/html": comparison_page(comparison), "text/plain": str(comparison)}


@mimebundle.register
def _(profile: installkit.RunProfile) -> Bundle:
    return {"text/html": profile_page(profile), "text/plain": str(profile)}


@mimebundle.register
def _(site: installkit.Site) -> Bundle:
    return {"text/html": site_page(site), "text/plain": repr(site)}


@mimebundle.register
def _(catalog: installkit.Catalog) -> Bundle:
    lines = (" ".join([component.name, ", ".join(component.versions)]).rstrip() for component in catalog)
    return {"text/html": catalog_page(catalog), "text/plain": "\n".join([f"catalog {catalog.folder}", *lines])}
