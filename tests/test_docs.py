import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from rich.cells import cell_len

import installkit
import installkit.errors
import installkit.testing
import installkit_http
from guide import blocks_of
from installkit.model import FailureCode

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE_WIDTH = 85
"""Columns that a block of code has room for on the site, in a window of 1300 pixels."""
CODES = (ROOT / "docs" / "reference" / "error-codes.md").read_text()


def names_in_first_column():
    rows = re.findall(r"^\| (`[^|]*) \|", CODES, flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_failure_code_has_its_section():
    """What a failed run shows can be looked up."""
    sections = set(re.findall(r"^### (\w+)$", CODES, flags=re.MULTILINE))

    assert {code.value for code in FailureCode} == sections


def test_every_failure_code_stands_in_the_guide_to_trouble():
    """Whoever meets one finds what to look at."""
    guide = (ROOT / "docs" / "how-to" / "troubleshoot.md").read_text()

    assert [] == [code.value for code in FailureCode if f"error-codes.md#{code.value})" not in guide]


def test_what_is_said_to_be_shown_by_a_test_is():
    """Guarantees and comparisons name tests that are there, and faults that are in the table."""
    pages = "".join(path.read_text() for path in (ROOT / "docs" / "explanation").glob("*.md"))
    tests = set(re.findall(r"`(?:faults/)?(test_\w+\.py)", pages))
    faults = set(re.findall(r"^\| (R\d+) \|", pages, flags=re.MULTILINE))

    assert tests
    assert set() == tests - {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set() == set(re.findall(r"\bR\d+\b", pages)) - faults


def test_every_problem_code_has_its_row():
    """What the service answers can be looked up: each code in its source is in the table."""
    source = "\n".join(path.read_text() for path in (ROOT / "src" / "installkit_http").rglob("*.py"))
    used = set(re.findall(r"\b[45]\d\d,\s*\"([a-z_]+)\"", source))

    assert used
    assert set() == used - names_in_first_column()


def test_every_exception_has_its_row():
    """What a script can catch can be looked up."""
    errors = {
        name
        for name, value in vars(installkit.errors).items()
        if isinstance(value, type) and issubclass(value, installkit.InstallkitError)
    }

    assert set() == errors - {"InstallkitError"} - names_in_first_column()


def public_names():
    """Yield each public name with what it stands for."""
    yield from ((f"installkit.{name}", getattr(installkit, name)) for name in installkit.__all__)
    yield from ((f"installkit_http.{name}", getattr(installkit_http, name)) for name in installkit_http.__all__)
    yield from (
        (f"installkit.testing.{name}", getattr(installkit.testing, name)) for name in installkit.testing.__all__
    )


def calls_of(value):
    """Yield the public methods and properties of the class *value*, also those of the parts that it is made of."""
    for name, member in inspect.getmembers_static(value):
        call = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        if not name.startswith("_") and (inspect.isfunction(call) or isinstance(call, property)):
            yield name, call


def test_every_public_name_is_in_the_reference_once():
    """What can be imported can be looked up, and nothing else is shown."""
    shown = re.findall(r"^::: (\S+)$", (ROOT / "docs" / "reference" / "python.md").read_text(), flags=re.MULTILINE)

    assert sorted(name for name, _ in public_names()) == sorted(shown)


def test_every_public_name_says_what_it_is():
    """Classes and functions, and what they do, have docstrings: the reference shows them."""
    classes = {name: value for name, value in public_names() if inspect.isclass(value)}
    calls = {f"{name}.{call}": member for name, value in classes.items() for call, member in calls_of(value)}
    functions = {name: value for name, value in public_names() if inspect.isfunction(value)}

    assert 100 <= len(calls)
    assert [] == [name for name, value in {**classes, **calls, **functions}.items() if not value.__doc__]


def test_what_the_program_knows_is_told_as_it_is():
    """The pages of commands and requests are those that `scripts/reference.py` writes."""
    command = [sys.executable, ROOT / "scripts" / "reference.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)


def test_every_page_is_offered_on_the_forge_and_on_the_site():
    """A page that no list names is not read."""
    folder = ROOT / "docs"
    pages = {str(path.relative_to(folder)) for path in folder.rglob("*.md")}
    index = (folder / "README.md").read_text()
    menu = (ROOT / "mkdocs.yml").read_text()

    assert set() == {page for page in pages - {"README.md"} if f"({page})" not in index}
    assert set() == {page for page in pages if f": docs/{page}\n" not in menu}


def test_the_map_names_every_folder_of_the_source():
    """Whoever looks for something finds where to begin."""
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    packages = [ROOT / "src" / "installkit", ROOT / "src" / "installkit_http"]
    folders = [path.relative_to(package) for package in packages for path in package.rglob("*") if path.is_dir()]
    wanted = [str(path) for path in folders if path.name != "__pycache__" and "demo/catalog/" not in str(path)]

    assert 20 <= len(wanted)
    assert [] == [name for name in wanted if f"`{name}/`" not in guide]


def test_files_that_are_explained_are_there():
    """Of the source: by their path in it, or below `installkit/`."""
    pages = [*(ROOT / "docs" / "explanation").rglob("*.md"), ROOT / "CONTRIBUTING.md"]
    named = {(page.name, name) for page in pages for name in re.findall(r"`([\w/]+\.py)`", page.read_text())}
    places = [ROOT, ROOT / "tests", *(ROOT / "src").iterdir()]

    assert 40 <= len(named)
    assert [] == sorted((page, name) for page, name in named if not any((place / name).exists() for place in places))


def test_the_words_of_the_glossary_are_sorted_and_there_once():
    """Whoever looks one up knows where."""
    rows = (ROOT / "docs" / "reference" / "glossary.md").read_text().splitlines()[7:]
    words = [re.match(r"\| \[?`?([\w, ]+)", row)[1] for row in rows]

    assert 60 <= len(words)
    assert sorted(set(words)) == words


def test_the_package_has_one_version():
    """It stands in two files, which a release changes together."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert installkit.__version__ == project["version"]


def test_every_link_leads_somewhere():
    """A link to a file of the repository names one that is there, and a heading that it has."""
    dead = [
        (str(page.relative_to(ROOT)), link) for page in PAGES for link in local_links(page) if not leads(page, link)
    ]

    assert [] == dead


def local_links(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r"src=\"([^\"]+)\"", text)]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def leads(page, link):
    name, _, heading = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return False
    return not heading or heading in anchors(target)


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_comments_in_blocks_of_code_are_seen_whole():
    """On the site too, where a block is cut at its right edge; output and signatures are as wide as they are."""
    lines = [line for page in PAGES for block in blocks_of(page, None) for line in block.splitlines()]
    commented = [line for line in lines if re.search(r"(^|\s)# ", line)]

    assert commented
    assert [] == [line for line in commented if cell_len(line) > CODE_WIDTH]
