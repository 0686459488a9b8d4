"""Numbered playbooks that are in no plan, although their author may expect it: each with the reason, and what to do."""

from collections.abc import Iterable

from installkit.catalog.names import component_name_problem
from installkit.catalog.playbooks import Library, Playbook, manifest_name, yaml_files
from installkit.errors import Issue
from installkit.model import Action

_BY_MANIFEST = "name it in a manifest (NAME.component.yml)"


def dropped_playbooks(playbooks: Iterable[Playbook], used: Iterable[Playbook], library: Library) -> dict[str, str]:
    """
    Return the reason, and what to do, by path relative to the catalog, in alphabetical order.

    Args:
        playbooks: The playbooks beside manifests and in the catalog's folder.
        used: The playbooks among them that a component names or imports.
        library: The catalog's playbooks.
    """
    used_paths = {playbook.path for playbook in used}
    reasons = [(playbook, _reason(playbook, used=playbook.path in used_paths)) for playbook in playbooks]
    dropped = {library.contents.name(playbook.path): reason for playbook, reason in reasons if reason}
    for file in yaml_files(library.contents.folder):  # numbered files may also not count as playbooks
        if manifest_name(file) is None and file.name[0].isdigit():
            playbook, name = library.playbook(file), library.contents.name(file)
            if playbook.component is not None and not playbook.plays:
                dropped[name] = "numbered, but holds no plays; add them, or rename it if it is not a playbook"
            elif playbook.component is None and playbook.problem is not None:
                dropped[name] = _unreadable(playbook.problem)
    return dict(sorted(dropped.items()))


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
