"""The table of allowed imports, compared with those found in the source."""

import ast
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

import installkit
from installkit.model import RunOptions, StartOptions

SOURCE = Path(installkit.__file__).parent.parent
PUBLIC = "installkit"  # the root package, and so the public names

ALLOWED = {
    "errors": set(),
    "text": set(),
    "processes": set(),
    "extras": {"errors"},
    "model": {"errors", "text"},
    "planning": {"errors", "model", "text"},
    "ansible": {"errors", "model", "processes"},
    "catalog": {"ansible", "errors", "model", "text"},
    "inventory": {"ansible", "errors", "model"},
    "journal": {"errors", "model"},
    "engine": {"ansible", "errors", "journal", "model", "processes", "text"},
    "store": {"errors", "journal", "model"},
    "datadir": {"ansible", "engine", "errors", "inventory", "journal", "model", "processes", "store", "text"},
    "support": {"ansible", "datadir", "engine", "errors", "journal", "model", "planning", "text"},
    "runs": {"datadir", "engine", "errors", "journal", "model", "processes", "support", "text"},
    "sites": {
        "ansible",
        "catalog",
        "datadir",
        "errors",
        "inventory",
        "journal",
        "model",
        "planning",
        "processes",
        "runs",
        "text",
    },
    "frames": {"extras", "model", "runs", "sites"},
    "access": {"errors", "model", "processes", "store"},
    "callbacks": {"datadir", "errors", "journal", "model"},
    "notifications": {"errors", "model", "runs"},
    "installer": {
        "access",
        "ansible",
        "callbacks",
        "catalog",
        "datadir",
        "errors",
        "inventory",
        "journal",
        "model",
        "notifications",
        "runs",
        "sites",
        "support",
    },
    "remote": {"errors", "extras", "model", "planning", "runs", "sites", "support", "text"},
    "either": {"installer", "remote", "runs", "sites"},
    "aio": {"datadir", "either", "installer", "journal", "model", "remote", "runs", "sites"},
    "testing": {"ansible", "engine", "errors", "inventory", "journal", "model", "processes"},
    "demo": {"errors"},
    PUBLIC: {
        "access",
        "aio",
        "callbacks",
        "catalog",
        "datadir",
        "either",
        "errors",
        "frames",
        "installer",
        "journal",
        "model",
        "notifications",
        "planning",
        "remote",
        "runs",
        "sites",
        "support",
    },
    "notebook": {PUBLIC, "extras", "text"},
    "installkit_http": {"ansible", PUBLIC},
    "cli": {"demo", PUBLIC, "installkit_http", "text"},
}
"""What each module or folder imports, beside itself, floor by floor: none imports what stands below it here."""

ONLY_IN = {
    "ansible": set(),  # GPL: its programs are run, never imported
    "ansible_runner": {"ansible"},
    "httpx2": {"aio", "remote"},
    "IPython": {"notebook"},
    "click": {"cli"},
    "markupsafe": {"notebook"},
    "pandas": {"frames"},
    "peewee": {"store"},
    "pexpect": {"ansible"},
    "playhouse": {"store"},
    "prometheus_client": {"installkit_http"},
    "ptyprocess": {"ansible"},
    "rich": {"cli", "notebook"},
    "starlette": {"installkit_http"},
    "uvicorn": {"installkit_http"},
}
"""Where packages of others may be imported."""


PLUGINS = "ansible/plugins"
"""What ansible-playbook loads: programs of their own, under Ansible's license."""


def source_files():
    """Return all modules; plugins of Ansible are none, since nothing of ours imports them."""
    found = (path for package in ("installkit", "installkit_http") for path in (SOURCE / package).rglob("*.py"))
    return sorted(path for path in found if not path.is_relative_to(SOURCE / PUBLIC / PLUGINS))


def test_plugins_of_ansible_bear_its_license_and_import_nothing_of_ours():
    files = sorted((SOURCE / PUBLIC / PLUGINS).rglob("*.py"))

    assert files
    assert "__init__.py" not in {path.name for path in files}
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert text.removeprefix("#!/usr/bin/python\n").startswith("# SPDX-License-Identifier: GPL-3.0-or-later")
        assert PUBLIC not in {package_of(name) for _, name in imports_of(text, path.stem)}


def room_of(dotted):
    """Return the table's name for *dotted*, a module of ours: `store` for `installkit.store.rows`."""
    package, *inner = dotted.split(".")
    return inner[0] if package == PUBLIC and inner and inner[0] in ALLOWED else package


def package_of(dotted):
    """Return the package that *dotted* is in: `peewee` for `peewee.SQL`."""
    return dotted.split(".")[0]


def dotted_name(path):
    """Return the module's name, with `__init__` for a package, so that relative imports count alike."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def imports_of(source, dotted):
    """Return (line, dotted name) of every import in *source*, of the module named *dotted*, wherever it stands."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = dotted.split(".")[: -node.level] if node.level else []
            origin = ".".join([*package, *([node.module] if node.module else [])])
            found += [(node.lineno, f"{origin}.{alias.name}") for alias in node.names]
    return found


def found_imports():
    """Return (path:line, importing module's room, dotted name that is imported) of the whole source."""
    return [
        (f"{path.relative_to(SOURCE)}:{line}", room_of(dotted_name(path)), imported)
        for path in source_files()
        for line, imported in imports_of(path.read_text(encoding="utf-8"), dotted_name(path))
    ]


def test_every_module_has_its_place_in_the_table():
    """A new module is decided in the table first."""
    names = {path.relative_to(SOURCE / PUBLIC).parts[0].removesuffix(".py") for path in (SOURCE / PUBLIC).rglob("*.py")}

    assert set() == names - set(ALLOWED) - {"__init__"}


def test_the_table_holds_exactly_the_imports_that_there_are():
    """A module imports what the table allows, and a permission that nobody uses is taken back."""
    found = {name: set() for name in ALLOWED}
    for _, importing, imported in found_imports():
        if package_of(imported) in {PUBLIC, "installkit_http"} and room_of(imported) != importing:
            found[importing].add(room_of(imported))

    assert ALLOWED == found


def test_no_import_runs_back_up():
    """Each floor of the tower uses those before it in the table."""
    floors = list(ALLOWED)

    assert [] == [(name, up) for name in floors for up in ALLOWED[name] if floors.index(up) > floors.index(name)]


def test_packages_of_others_stay_where_they_belong():
    """Each wrapped library has one home, so that it can be replaced there."""
    wrong = [
        f"{place}: {importing} may not import {imported}"
        for place, importing, imported in found_imports()
        if importing not in ONLY_IN.get(package_of(imported), {importing})
    ]

    assert [] == wrong


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("import installkit.store.rows", "store", id="import"),
        pytest.param("import installkit", PUBLIC, id="root"),
        pytest.param("from installkit import Plan", PUBLIC, id="public name"),
        pytest.param("from installkit import store", "store", id="module from root"),
        pytest.param("from installkit.store import Store", "store", id="from"),
        pytest.param("from ..store import Store", "store", id="relative"),
        pytest.param("from . import names", "catalog", id="sibling"),
        pytest.param("def f():\n    import peewee", "peewee", id="in a function"),
        pytest.param("if TYPE_CHECKING:\n    from playhouse.sqliteq import X", "playhouse", id="for types"),
    ],
)
def test_every_form_of_import_is_seen(source, expected):
    """No way of writing an import escapes the table."""
    found = imports_of(source, "installkit.catalog.folder")

    assert [expected] == [room_of(name) for _, name in found]


def test_public_names_are_sorted_and_each_there_once():
    """`__all__` is sorted as ruff does: constants, then classes, then functions."""
    lists = {path: names for path in source_files() if (names := public_names(path))}

    assert lists
    assert [] == [str(path) for path, names in lists.items() if sorted(set(names), key=rank) != names]


def public_names(path):
    """Return what `__all__` lists in the file *path*; empty without one."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and "__all__" in [getattr(target, "id", None) for target in node.targets]:
            return [element.value for element in node.value.elts]
    return []


def rank(name):
    return (not name.isupper(), not name[0].isupper(), name)


def test_importing_installkit_loads_nothing_heavy():
    """What only some callers need is loaded when it is used."""
    heavy = {"IPython", "ansible_runner", "click", "httpx2", "pandas", "peewee", "pexpect", "rich", "starlette"}

    assert [] == imported_beside("import installkit", heavy)


def test_importing_installkit_in_ipython_loads_only_the_names_of_what_shows_itself():
    """A notebook pays for what is shown, when it is shown."""
    heavy = {"ansible_runner", "markupsafe", "pandas", "peewee", "installkit.model", "installkit.notebook"}
    start = "from IPython.core.interactiveshell import InteractiveShell; InteractiveShell.instance()"

    assert ["installkit.notebook"] == imported_beside(f"{start}; import installkit", heavy)


def imported_beside(script, modules):
    """Return which of *modules* are imported after *script*, run by itself."""
    tell = f"import sys; print(*sorted({modules!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"{script}; {tell}"], check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_the_options_of_a_start_are_the_fields_that_are_kept_of_it():
    """What a type checker is told of `start` is what `RunOptions` takes."""
    assert attrs.fields_dict(RunOptions).keys() == StartOptions.__annotations__.keys()
