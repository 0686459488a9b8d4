"""What an engineer edits in the console: hosts, parameters, secrets, tokens, webhooks."""

import json
import re

import httpx2
import pytest
from playwright.sync_api import expect

import installkit
from http_client import INVENTORY, Server, write_playbooks

pytest_plugins = ["console_page"]

MARKUP = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A service with a site acme, whose inventory it holds, and a site filed, whose inventory is a file."""
    home = tmp_path_factory.mktemp("held")
    playbooks = write_playbooks(home / "playbooks", gate=home / "gate")
    (home / "hosts.ini").write_text("h1 ansible_connection=local\n")
    with installkit.Installer(home / "data") as installer:
        installer.site("filed", inventory=home / "hosts.ini", catalog=playbooks)
    server = Server(home / "data", "-c", f"products={playbooks}")
    with server.client() as client:
        client.post("/api/v1/sites", json={"name": "acme", "inventory": INVENTORY})
    yield server
    server.end()


def shown_form(page):
    return page.get_by_role("dialog")


def save(page):
    shown_form(page).get_by_role("button", name="Save").click()


def row(page, table, name):
    return page.get_by_role("table", name=table).get_by_role("row").filter(has_text=name)


def host_of(server, name):
    with server.client() as client:
        return client.get(f"/api/v1/sites/acme/hosts/{name}").json()


def test_a_site_is_added(held, open_page):
    """What is wrong is said at its field, and nothing is lost of what was typed."""
    page = open_page(held, "/sites")
    page.get_by_role("button", name="Add a site").click()
    shown_form(page).get_by_label("Name").fill("acme")
    shown_form(page).get_by_label("Title").fill("Berlin & Co")
    shown_form(page).get_by_label("Inventory", exact=True).fill("all: {hosts: {db9: {ansible_host: 10.0.0.9}")
    save(page)
    expect(shown_form(page)).to_contain_text("there is a site 'acme' already")
    shown_form(page).get_by_label("Name").fill("berlin")
    save(page)
    expect(shown_form(page).locator(".wrong", has_text="expected ',' or '}'")).to_be_visible()
    shown_form(page).get_by_label("Inventory", exact=True).fill("all: {hosts: {db9: {ansible_host: 10.0.0.9}}}")
    save(page)

    expect(page.get_by_role("heading", level=1, name="Berlin & Co")).to_be_visible()
    expect(row(page, "Hosts", "db9")).to_contain_text("ansible_host = 10.0.0.9")


def test_nothing_is_offered_that_would_be_refused(held, open_page):
    """What there is to look at stays: hosts with their variables, values, names of secrets."""
    with held.client() as client:
        plan = client.post("/api/v1/sites/acme/plans", json={"install": ["mysql"]}).json()["id"]
        tokens = {
            scope: client.post("/api/v1/tokens", json={"name": scope, "scopes": [scope]}).json()["token"]
            for scope in ("read", "operate", "admin")
        }
    paths = {name: f"/sites{name}" for name in ("", "/acme/hosts", "/acme/parameters")} | {"plan": f"/plans/{plan}"}
    page = open_page(held, "/sites")
    offered = {}
    for scope, token in tokens.items():
        page.context.request.post(f"{held.url}/api/v1/session", data={"token": token})
        for name, path in paths.items():
            page.goto(f"{held.url}/#{path}")
            page.reload()
            expect(page.locator("main h1")).to_be_visible()
            if page.locator("main").get_by_role("button").count():
                offered.setdefault(name, []).append(scope)
        if scope == "read":
            page.goto(f"{held.url}/#/sites/acme/hosts")
            expect(row(page, "Hosts", "h1")).to_be_visible()
            expect(page.get_by_role("navigation", name="Parts of the site")).not_to_contain_text("New plan")

    assert {
        "": ["admin"],
        "/acme/hosts": ["admin"],
        "/acme/parameters": ["operate", "admin"],
        "plan": ["operate", "admin"],
    } == offered


def test_a_host_is_added_changed_and_removed(held, open_page):
    """Values of every kind come back as they were written, and markup is text."""
    page = open_page(held, "/sites/acme/hosts")
    page.get_by_role("button", name="Add a host").click()
    page.get_by_label("Name").fill("h3")
    shown_form(page).get_by_label("Groups").fill("db, web")
    page.get_by_label("Variables").fill(
        f'ansible_host = 10.0.0.5\nrack = 7\nlabel = "7"\nnote = {MARKUP}\nports = [1, 2]'
    )
    save(page)
    expect(row(page, "Hosts", "h3")).to_contain_text("db, web")
    expect(row(page, "Groups", "web")).to_contain_text("h3")
    added = host_of(held, "h3")
    page.get_by_role("button", name="Change h3").click()
    variables = page.get_by_label("Variables")
    variables.fill(variables.input_value().replace("rack = 7\n", "row = b\n"))
    shown_form(page).get_by_label("Groups").fill("db")
    save(page)
    expect(row(page, "Hosts", "h3")).not_to_contain_text("web")
    changed = host_of(held, "h3")
    page.get_by_role("button", name="Remove h3").click()
    shown_form(page).get_by_role("button", name="Remove").click()
    expect(row(page, "Hosts", "h3")).to_have_count(0)

    plain = {"ansible_host": "10.0.0.5", "label": "7", "note": MARKUP, "ports": [1, 2]}
    assert (["db", "web"], {**plain, "rack": 7}) == (added["groups"], added["vars"])
    assert (["db"], {**plain, "row": "b"}) == (changed["groups"], changed["vars"])
    assert 0 == page.locator("#main img").count()
    assert "owned" not in page.title()


def test_a_change_that_comes_too_late_is_not_made_and_says_so(held, open_page):
    page = open_page(held, "/sites/acme/hosts")
    page.get_by_role("button", name="Change h2").click()
    shown_form(page).get_by_label("Groups").fill("mine")
    with held.client() as client:
        client.patch("/api/v1/sites/acme/hosts/h2", json={"groups": ["theirs"]})
    save(page)
    expect(shown_form(page).get_by_role("alert")).to_contain_text("Somebody else changed this")
    shown_form(page).get_by_role("button", name="Show what is there now").click()

    expect(row(page, "Hosts", "h2")).to_contain_text("theirs")
    assert ["theirs"] == host_of(held, "h2")["groups"]


def test_an_inventory_is_exported_edited_whole_and_refused_at_its_field(held, open_page):
    page = open_page(held, "/sites/acme/hosts")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export the inventory").click()
    exported = download.value.path().read_text()
    page.get_by_role("button", name="Edit the whole inventory").click()
    field = page.get_by_label("Inventory", exact=True)
    expect(field).to_have_value(exported)
    field.fill("all: {hosts: [h1]}")
    save(page)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description(re.compile("hosts is an object"))
    changed = exported.replace("\n  hosts:\n", "\n  hosts:\n    h9: {}\n", 1)
    page.get_by_label("Read the inventory from a file").set_input_files(
        [{"name": "new.yml", "mimeType": "text/yaml", "buffer": changed.encode()}]
    )
    expect(field).to_have_value(re.compile("h9"))
    save(page)

    expect(row(page, "Hosts", "h9")).to_be_visible()


def test_the_inventory_of_a_file_is_only_shown(held, open_page):
    """It is said where to edit it."""
    page = open_page(held, "/sites/filed/hosts")

    expect(page.locator(".notice")).to_contain_text("hosts.ini")
    expect(page.get_by_role("table", name="Hosts")).to_contain_text("h1")
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)


def test_a_parameter_is_entered_by_level_with_its_origin_and_taken_away(held, open_page):
    """What does not fit is said at its field."""
    page = open_page(held, "/sites/acme/parameters")
    port = row(page, "Parameters", "mysql_port")
    expect(port).to_contain_text("23306 default of mysql")
    page.get_by_role("button", name="Change mysql_port").click()
    page.get_by_label("Where").select_option("host h1")
    page.get_by_label("Value").fill("70000")
    save(page)
    expect(page.get_by_label("Value")).to_be_focused()
    expect(page.get_by_label("Value")).to_have_accessible_description(re.compile("70000 is not a port from 1 to 65535"))
    page.get_by_label("Value").fill("3308")
    save(page)
    expect(port).to_contain_text("3308 host h1")
    with held.client() as client:
        entered = client.get("/api/v1/sites/acme/parameters").json()
    page.get_by_role("button", name="Change mysql_port").click()
    shown_form(page).get_by_role("button", name="Take the value away").click()

    expect(port).not_to_contain_text("3308")
    assert {"h1": {"mysql_port": 3308}} == entered["hosts"]


def test_a_secret_is_set_and_never_shown(held, open_page):
    page = open_page(held, "/sites/acme/parameters")
    secret = row(page, "Secrets", "mysql_root_password")
    page.get_by_role("button", name="Set mysql_root_password").click()
    page.get_by_label("Value").fill("Canary-0451")
    save(page)
    expect(secret.locator(".status")).to_have_text("set")
    seen = page.content()
    page.get_by_role("button", name="Remove mysql_root_password").click()
    shown_form(page).get_by_role("button", name="Remove").click()

    expect(secret.locator(".status")).to_have_text("not set")
    assert "Canary-0451" not in seen


def test_a_token_is_shown_once_and_ends_when_it_is_revoked(held, open_page):
    page = open_page(held, "/access/tokens")
    expect(page.get_by_label("Expires").get_by_role("option")).to_have_text(
        ["in 1 day", "in 30 days", "in 365 days", "never"]
    )
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("alert")).to_contain_text("a name")
    page.get_by_label("Name").fill("frontend")
    page.keyboard.press("Enter")
    text = page.get_by_label("Text of the token for frontend").input_value()
    ask = lambda: httpx2.get(f"{held.url}/api/v1/sites", headers={"authorization": f"Bearer {text}"}).status_code  # noqa: E731 - asked twice
    before = ask()
    page.reload()
    expect(row(page, "Tokens", "frontend")).to_contain_text("read")
    seen = page.content()
    page.get_by_role("button", name="Revoke: frontend").click()
    shown_form(page).get_by_role("button", name="Revoke").click()
    expect(row(page, "Tokens", "frontend")).to_have_count(0)

    assert text not in seen
    assert [200, 401] == [before, ask()]


def test_a_webhook_is_kept_and_forgotten_and_the_audit_tells(held, open_page):
    page = open_page(held, "/access/webhooks")
    page.get_by_label("Address").fill("file:///etc/passwd")
    page.get_by_role("button", name="Tell this address").click()
    expect(page.get_by_role("form", name="New webhook")).to_contain_text("begins with http:// or https://")
    page.get_by_label("Address").fill("https://chat.example.org/hook")
    page.get_by_label("a step ends").check()
    page.get_by_role("button", name="Tell this address").click()
    expect(row(page, "Webhooks", "chat.example.org")).to_contain_text("a step ends")
    page.get_by_role("button", name="Remove: https://chat.example.org/hook").click()
    shown_form(page).get_by_role("button", name="Remove").click()
    expect(page.get_by_role("main")).to_contain_text("Nobody is told of runs.")
    page.get_by_role("link", name="Audit").click()

    expect(page.get_by_role("table", name="Audit").get_by_role("row").nth(1)).to_contain_text("DELETE /api/v1/webhooks")


@pytest.fixture
def broken(tmp_path):
    """A service whose site acme has a component that is installed on h1, and failed on h2."""
    play = (
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - fail: {msg: no}\n      when: inventory_hostname == 'h2'\n"
    )
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "01.agent.yml").write_text(play)
    (tmp_path / "hosts.json").write_text(json.dumps(INVENTORY))
    with installkit.Installer(tmp_path / "data") as installer:
        site = installer.site("acme", inventory=tmp_path / "hosts.json", catalog=tmp_path / "playbooks")
        site.start(site.plan(install=["agent"]), checks=False).wait(60)
    server = Server(tmp_path / "data")
    yield server
    server.end()


def test_what_failed_does_not_stand_as_if_it_were_there(broken, open_page):
    """The table of hosts says how each component stands there, unless it is proved."""
    page = open_page(broken, "/sites/acme/hosts")

    expect(row(page, "Hosts", "h2")).to_contain_text("agent ✗ failed")
    expect(row(page, "Hosts", "h1")).to_contain_text("agent")
    expect(row(page, "Hosts", "h1")).not_to_contain_text("failed")
    expect(page.get_by_role("columnheader", name="Installed")).to_have_count(0)


def test_all_goes_with_an_installation_alone(held, open_page):
    """Whoever uninstalls cannot tick all that is not installed yet: that would install it."""
    page = open_page(held, "/sites/acme/plan")
    every = page.get_by_label("All that is not installed yet")
    every.check()
    page.get_by_label("Action").select_option("uninstall")

    expect(every).to_be_disabled()
    expect(every).not_to_be_checked()
    page.get_by_label("Action").select_option("install")
    expect(every).to_be_enabled()
