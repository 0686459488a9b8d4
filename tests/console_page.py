"""Fixtures: the console in a real browser."""

import contextlib
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

expect.set_options(timeout=20_000)

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")
def browser():
    """Chromium; skipped where there is none."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def server(servers, site):
    """A service with one site, called acme."""
    return servers()


@pytest.fixture
def open_page(browser):
    """Open the console of a server in a browser of its own, signed in; no page may break while it is looked at."""
    broken = []
    with contextlib.ExitStack() as stack:

        def _open(server, path="/sites", **options):
            context = stack.enter_context(browser.new_context(locale="en-GB", **options))
            context.set_default_timeout(20_000)
            context.request.post(f"{server.url}/api/v1/session", data={"token": server.token})
            page = context.new_page()
            page.on("pageerror", lambda error: broken.append(error))  # noqa: PLW0108 - playwright marks what it is given
            page.goto(f"{server.url}/#{path}")
            return page

        yield _open
    assert [] == broken
