"""Writes a catalog's folder from values of Python: for programs whose playbooks are made, and not kept in files."""

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import attrs
import yaml

from installkit.catalog.contents import Contents
from installkit.catalog.folder import load_catalog
from installkit.errors import DefinitionError, InstallkitError, Issue
from installkit.model import Catalog
from installkit.text import join_names


def write_catalog(folder: str | Path, files: Mapping[str, Any], *, replace: bool = False) -> Catalog:
    """
    Write *files* to *folder*, and return the catalog that they are; a wrong one is not written.

    What stays the same is not touched, so that writing the same again makes no plan stale, and a file that changes has
    its old or its new content at each moment.

    Args:
        folder: Made if it is not there.
        files: By the name below the folder (`03.mysql.yml`, `mysql.component.yml`, `roles/mysql/tasks/main.yml`): the
            content as text or bytes, or as lists and dictionaries, which are written as YAML.
        replace: Delete the files that are there and are none of *files*; without it they are refused.

    Raises:
        DefinitionError: If a name leads out of the folder, a value cannot be YAML, or the catalog is wrong; with every
            mistake.
        InstallkitError: If the folder has other files, or cannot be written.
    """
    target = Path(folder).absolute()
    if not isinstance(files, Mapping) or not files:
        raise DefinitionError([Issue(str(folder), "no files are given")], remedy="give their contents by their names")
    contents = _contents(files)
    others = _others(target, contents)
    if others and not replace:
        raise InstallkitError(
            f"the folder {target} has files that are none of the catalog's: {join_names([str(name) for name in others])}",
            remedy="take an empty folder, or let them be deleted (replace=True)",
        )
    try:
        _check(folder, contents)
        for name, content in contents.items():
            _put(target / name, content)
        for name in others:
            (target / name).unlink()
    except OSError as exc:
        raise InstallkitError(f"the catalog {target} cannot be written: {exc}") from exc
    return load_catalog(folder)


def _contents(files: Mapping[str, Any]) -> dict[PurePosixPath, bytes]:
    """Return the content of each of *files*."""
    issues, contents = [], {}
    for name, value in files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.name or "\0" in name:
            issues.append(Issue(name, "is no name of a file below the catalog's folder"))
            continue
        try:
            contents[path] = _bytes(value)
        except (yaml.YAMLError, RecursionError) as exc:
            what = f"a {type(exc.args[1]).__name__}" if len(exc.args) > 1 else str(exc)
            issues.append(Issue(name, f"{what} cannot be written as YAML; give lists, dictionaries, text, numbers"))
    above = {parent for path in contents for parent in path.parents}
    issues += [Issue(str(path), "is a file, and the folder of another") for path in contents if path in above]
    if issues:
        raise DefinitionError(issues)
    return contents


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


class _Dumper(yaml.SafeDumper):
    """Writes a value that is used twice twice: an alias is not what a person would write."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's
        """Return that *data* is written out."""
        return True


def _others(folder: Path, contents: Mapping[PurePosixPath, bytes]) -> list[PurePosixPath]:
    """Return the files in *folder* that are part of a catalog, and none of *contents*."""
    if not folder.is_dir():
        return []
    names = (PurePosixPath(path.relative_to(folder)) for path in Contents(folder, folder).below(folder))
    return [name for name in names if name not in contents]


def _check(folder: str | Path, contents: Mapping[PurePosixPath, bytes]) -> None:
    """Raise the mistakes that *contents* have as a catalog, with their places in *folder*."""
    with tempfile.TemporaryDirectory(prefix="installkit-catalog-") as name:
        trial = Path(name)
        for path, content in contents.items():
            _put(trial / path, content)
        try:
            issues = load_catalog(trial).unreadable
        except DefinitionError as exc:
            issues = tuple(exc.issues)
        if issues:
            raise DefinitionError([attrs.evolve(issue, path=issue.path.replace(name, str(folder))) for issue in issues])


def _put(path: Path, content: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == content:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix="~", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            if path.exists():
                shutil.copymode(path, temporary)
            else:
                temporary.chmod(0o755 if content.startswith(b"#!") else 0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
