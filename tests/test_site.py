"""The documentation as a site, built as `scripts/docs` builds it and read by a browser."""

import functools
import http.server
import inspect
import subprocess
import threading
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import attrs
import pytest

import installkit

pytest_plugins = ["console_page"]

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build" / "site"


class Page(HTMLParser):
    """What a page points at and what can be pointed at in it."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.links, self.loaded, self.anchors = [], [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        """Take down what the tag points at, and what points at it."""
        found = dict(attrs)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag in {"script", "img", "link", "iframe"}:
            self.loaded += [found[key] for key in ("src", "href") if found.get(key)]


@pytest.fixture(scope="module")
def pages():
    """The built pages, by path."""
    done = subprocess.run([ROOT / "scripts" / "docs"], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return {path: Page(path) for path in SITE.rglob("*.html") if path.name != "404.html"}


def leads(page, link, pages):
    """Return whether *link* of *page* names a file or folder of the site, and a place that is in it."""
    name, _, anchor = urllib.parse.unquote(link).partition("#")
    target = (page.path.parent / name).resolve() if name else page.path
    if target not in pages:
        return target.exists() and not anchor
    return not anchor or anchor in pages[target].anchors


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_site_is_whole_and_needs_no_network(browser, pages):
    """It builds without a warning, no link of it is dead, nothing is loaded from elsewhere, fields are shown, and the search finds."""
    own = [(page, link) for page in pages.values() for link in page.links if not urllib.parse.urlsplit(link).scheme]
    loaded = [(page, name) for page in pages.values() for name in page.loaded]

    assert 20 <= len(pages)
    assert [] == [(page.path, link) for page, link in own if not leads(page, link, pages)]
    assert [] == [(page.path, name) for page, name in loaded if not leads(page, name, pages)]
    assert set() == fields_of_values() - pages[SITE / "docs" / "reference" / "python.html"].anchors
    assert "secrets-and-vault.html" in first_hit(browser, "vault")


def fields_of_values():
    """Return the full name of each field of the public values."""
    values = {name: getattr(installkit, name) for name in installkit.__all__}
    return {
        f"installkit.{name}.{field.name}"
        for name, value in values.items()
        if inspect.isclass(value) and attrs.has(value)
        for field in attrs.fields(value)
    }


def first_hit(browser, word):
    """Return the address of the first page that the search of the site offers to one who types *word*."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/docs/tutorial.html", wait_until="networkidle")
            page.keyboard.press("Control+k")
            box = page.get_by_placeholder("Search").first
            box.press_sequentially(word, delay=100)
            hit = page.locator("a mark").first
            hit.wait_for()
            assert word == box.input_value()
            return hit.locator("xpath=ancestor::a").get_attribute("href")
        finally:
            server.shutdown()
