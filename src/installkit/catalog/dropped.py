"""Numbered playbooks that are in no plan, though who numbered them may think so: each with why, and what to do."""

from collections.abc import Iterable, Iterator

from installkit.catalog.names import component_name_problem
from installkit.catalog.playbooks import Library, Playbook, manifest_name, yaml_files
from installkit.errors import Issue
from installkit.model import Action

_BY_MANIFEST = "name it in a manifest (NAME.component.yml)"


def dropped_playbooks(found: Iterable[Playbook], used: Iterable[Playbook], library: Library) -> dict[str, str]:
    """
    Return why, and what to do, by path relative to the catalog, in alphabetical order.

    Args:
        found: The playbooks beside manifests and in the catalog's folder.
        used: Those of them that a component names or imports.
        library: Where files are looked up.
    """
    known = {playbook.path for playbook in used}
    reasons = [(playbook, _reason(playbook, used=playbook.path in known)) for playbook in found]
    dropped = {library.contents.name(playbook.path): reason for playbook, reason in reasons if reason}
    return dict(sorted({**dropped, **dict(_no_playbooks(library))}.items()))


def _reason(playbook: Playbook, *, used: bool) -> str | None:
    if playbook.component is not None and playbook.problem is not None:
        return _unreadable(playbook.problem)
    if used or not playbook.path.name[0].isdigit():
        return None
    if playbook.component is None:
        return (
            f"not a component: its number must be followed by '.', '-' or '_' and a name; rename it, or {_BY_MANIFEST}"
        )
    if problem := component_name_problem(playbook.component):
        return f"not a component: {problem}; rename it, or {_BY_MANIFEST}"
    if playbook.action is Action.INSTALL:
        return "not a component's: no manifest names it"
    return (
        f"not a component's: {playbook.component!r} has no install playbook with that name;"
        f" add {playbook.number:02d}.{playbook.component}.yml, or {_BY_MANIFEST}"
    )


def _unreadable(problem: Issue) -> str:
    place = ":".join(str(part) for part in (problem.line, problem.column) if part is not None)
    return f"cannot be read{f' at {place}' if place else ''}: {problem.message}; correct it"


def _no_playbooks(library: Library) -> Iterator[tuple[str, str]]:
    """Yield the numbered files of the catalog's folder that do not count as playbooks, each with the reason."""
    for file in yaml_files(library.contents.folder):
        if manifest_name(file) is None and file.name[0].isdigit():
            playbook, name = library.playbook(file), library.contents.name(file)
            if playbook.component is not None and not playbook.plays:
                yield name, "numbered, but holds no plays; add them, or rename it if it is not a playbook"
            elif playbook.component is None and playbook.problem is not None:
                yield name, _unreadable(playbook.problem)
