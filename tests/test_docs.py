import re
from pathlib import Path

import installkit
import installkit.errors
from installkit.model import FailureCode

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODES = (ROOT / "docs" / "reference" / "error-codes.md").read_text()


def names_in_first_column():
    rows = re.findall(r"^\| (`[^|]*) \|", CODES, flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_failure_code_has_its_section():
    """What a failed run shows can be looked up."""
    sections = set(re.findall(r"^### (\w+)$", CODES, flags=re.MULTILINE))

    assert {code.value for code in FailureCode} == sections


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
