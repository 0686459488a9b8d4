"""The console in a real browser: what an engineer does with it, and what a log may do to it."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect

import installkit
from http_client import INVENTORY, Server, finish, start, write_playbooks

pytest_plugins = ["console_page", "http_service"]

RECORDED = Path(__file__).parent / "data" / "journals" / "1" / "024ea32e2dec"
LONG, HOSTILE = "01-mysql-install", "02-zk-install"
"""The steps of the recorded run, whose logs the tests write anew."""

LINES = 200_000

HOSTILE_LINES = {
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>": None,
    "\x1b[31mred\x1b[0m plain": "red plain",
    "\x1b]0;title\x07\x1b[2J\x1b[1;1Hmoved\x1bc": "moved",
    "\x1b]8;;javascript:alert(1)\x1b\\link\x1b]8;;\x1b\\": "link",
    "data: forged": None,
    "event: end": None,
    "-" * 800: None,
    "progress 1%\rprogress 100%": "progress 100%",
    "not \x1b[closed": "not losed",
    "\x00bell\x07 and \x9b31mC1": "bell and C1",
    "汉字 ✓ \u202egnp.exe": None,
}
"""Lines as they were printed, and how they are shown; None for as they are."""

CONTROLS = "button, a, input, select, textarea, summary, [tabindex='0']"

NAMELESS = """elements => elements.filter(element => !(
    element.textContent.trim() || element.getAttribute("aria-label") || element.labels?.length
)).map(element => element.outerHTML)"""


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """A service whose site acme has one finished run, with one log that is long and one that is hostile."""
    home = tmp_path_factory.mktemp("past")
    data, inventory = home / "data", home / "hosts.yml"
    inventory.write_text(yaml.safe_dump(INVENTORY))
    with installkit.Installer(data) as installer:
        installer.site("acme", inventory=inventory, catalog=write_playbooks(home / "playbooks", gate=home / "gate"))
    folder = data / "runs" / RECORDED.name
    shutil.copytree(RECORDED, folder)
    logs = {LONG: "".join(f"\x1b[0;32mline {number}\x1b[0m\n" for number in range(1, LINES + 1))}
    logs[HOSTILE] = "".join(f"{line}\n" for line in HOSTILE_LINES)
    result = json.loads((folder / "result.json").read_text())
    for step in result["result"]["run"]["steps"]:
        content = logs[step["id"]].encode()
        (folder / "logs" / f"{step['id']}.log").write_bytes(content)
        step["log_size"] = len(content)
    (folder / "result.json").write_text(json.dumps(result))
    server = Server(data)
    yield server
    server.end()


def make_run(server, component):
    """Start to install *component* at the site acme, and return the run's path in the console."""
    with server.client() as client:
        return f"/runs/{start(client, '/api/v1/sites/acme', install=[component])[-12:]}"


def printed(server, path, step):
    """Return the lines of a step's log, as the interface gives them, without colours."""
    with server.client() as client:
        text = client.get(f"/api/v1{path}/steps/{step}/log").text
    return re.sub(r"\x1b\[[0-9;]*m", "", text).removesuffix("\n").split("\n")


def shown_rows(page):
    """Return the text of the rows that are in the page, by line number."""
    rows = page.locator(".row").evaluate_all(
        "rows => rows.map(row => [...row.childNodes].map(each => each.textContent))"
    )
    return {int(number): "".join(pieces) for number, *pieces in rows}


def read_log(page):
    """Scroll through the whole log, and return its lines."""
    scroller, found = page.locator(".scroller"), {}
    scroller.evaluate("it => it.scrollTop = 0")
    while True:
        page.wait_for_timeout(80)
        found |= shown_rows(page)
        if scroller.evaluate(
            "it => { const was = it.scrollTop; it.scrollTop += it.clientHeight; return it.scrollTop === was }"
        ):
            break
    assert list(range(1, len(found) + 1)) == sorted(found), "a line is missing"
    return [found[number] for number in sorted(found)]


def test_the_first_address_signs_in_once_and_is_forgotten(server, browser, installer):
    """The token in it is used up, is in no history, and leaves a session that ends with logging out."""
    _, text = installer.access.create_token("console", [installkit.Scope.ADMIN], once=True)
    address = f"{server.url}/#token={text}"
    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(address)
        expect(page.get_by_role("link", name="acme")).to_be_visible()
        assert "token" not in page.url
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        page.reload()
        page.get_by_label("Access token").fill("ik_wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("not valid")
        page.get_by_label("Access token").fill(server.token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="acme")).to_be_visible()
    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(address)

        expect(page.get_by_role("alert")).to_contain_text("was used before")


def test_a_plan_is_made_started_watched_and_read_again_in_the_middle(server, open_page, tmp_path):
    """After a refresh the log is there from its first line and goes on to its last; the end is shown when it is one."""
    page = open_page(server, "/sites/acme/plan")
    page.get_by_label("slow", exact=True).check()
    page.get_by_role("button", name="Make the plan").click()
    expect(page.get_by_role("region", name="Changes")).to_contain_text("install")
    expect(page.locator(".graph")).to_contain_text("slow")
    page.get_by_label("Note").fill("first install")
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator(".rows")).to_contain_text("begun")
    page.reload()
    expect(page.locator(".rows")).to_contain_text("begun")
    expect(page.locator(".connection")).to_have_text("connected")
    expect(page.locator(".heading .status")).to_contain_text("running")
    (tmp_path / "gate").touch()
    expect(page.locator(".connection")).to_have_text("ended")
    expect(page.locator(".heading .status")).to_contain_text("succeeded")
    path = page.url.partition("#")[2]
    with server.client() as client:
        _, step = finish(client, f"/api/v1{path}")["steps"]

    assert printed(server, path, step["id"]) == read_log(page)
    expect(page.locator(".facts")).to_contain_text("first install")
    page.get_by_role("link", name="acme").click()
    expect(page.get_by_role("table", name="Installed")).to_contain_text("slow")


@pytest.mark.long
def test_a_lost_connection_is_shown_and_mended(servers, site, open_page, tmp_path):
    """The service is killed and comes back: the run went on, and what was printed is there once."""
    server = servers()
    path = make_run(server, "slow")
    page = open_page(server, path)
    expect(page.locator(".rows")).to_contain_text("begun")
    expect(page.locator(".connection")).to_have_text("connected")
    server.end()
    expect(page.locator(".connection")).to_have_text("reconnecting…")
    (tmp_path / "gate").touch()
    again = servers("--port", server.url.rpartition(":")[2])
    expect(page.locator(".connection")).to_have_text("ended")
    expect(page.locator(".heading .status")).to_contain_text("succeeded")

    assert printed(again, path, "01-slow-install") == read_log(page)


@pytest.mark.long
def test_a_run_is_canceled_by_who_watches_it_and_gone_on_with_or_undone(server, open_page):
    """A canceled run has no failure, and what is left of it can be planned, as the way back can."""
    path = make_run(server, "slow")
    page = open_page(server, path)
    expect(page.locator(".rows")).to_contain_text("begun")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop now").click()

    expect(page.locator(".connection")).to_have_text("ended")
    expect(page.locator(".heading .status")).to_contain_text("canceled")
    page.get_by_role("button", name="Plan the rest").click()
    expect(page.get_by_role("region", name="Changes")).to_contain_text("install")
    page.go_back()
    page.get_by_role("button", name="Plan a rollback").click()
    expect(page.get_by_role("region", name="Changes")).to_contain_text("no uninstall is declared")
    page.goto(f"{server.url}/#{path.replace('runs', 'plans')}")
    expect(page.get_by_text("Applied by run")).to_have_text(f"Applied by run {path[-12:]}")
    page.get_by_label("Language").select_option("zh")
    expect(page.get_by_text("已由运行")).to_have_text(f"已由运行 {path[-12:]} 执行")


@pytest.mark.long
def test_a_failure_says_where_and_what_to_do_next(server, open_page, playbooks):
    """The log goes to what failed; the rest can be planned from there."""
    (playbooks / "05.broken.yml").write_text(
        "- hosts: h1\n  gather_facts: false\n  tasks:\n"
        "  - debug: {msg: '{{ item }}'}\n    loop: '{{ range(50) | list }}'\n"
        "  - name: Break <b>it</b>\n    fail: {msg: no licence}\n"
    )
    page = open_page(server, make_run(server, "broken"))
    failures = page.get_by_role("region", name="Failures")
    expect(failures).to_contain_text("Break <b>it</b>")
    expect(failures).to_contain_text("no licence")
    expect(failures).to_contain_text("05.broken.yml:6")
    page.locator(".scroller").evaluate("it => it.scrollTop = 0")
    page.get_by_role("button", name="Go to the failure").click()

    expect(page.locator(".row.mark")).to_be_in_viewport()
    page.get_by_role("button", name="Plan the rest").click()
    expect(page.get_by_role("region", name="Changes")).to_contain_text("broken")


@pytest.mark.long
def test_a_plan_of_all_leaves_out_what_is_excluded(server, open_page, playbooks):
    """By names and numbers; what a plan does not take is among its warnings, and no markup."""
    for name in ("77.<b>.yml", "92.stop.yml"):
        (playbooks / name).write_text((playbooks / "03.mysql.yml").read_text())
    page = open_page(server, "/sites/acme/plan")
    page.get_by_label("All that is not installed yet").check()
    page.get_by_label("Leave out").fill("mysql, 90-99")
    page.get_by_role("button", name="Make the plan").click()

    expect(page.get_by_role("region", name="Changes")).to_contain_text("slow")
    expect(page.get_by_role("region", name="Changes")).not_to_contain_text("mysql")
    expect(page.get_by_role("region", name="Warnings")).to_contain_text("77.<b>.yml: not a component")
    expect(page.get_by_role("region", name="Warnings")).not_to_contain_text("92.stop.yml")


@pytest.mark.long
def test_a_refusal_is_shown_as_what_it_is(server, open_page, playbooks):
    """A site that another run holds names it; a plan that is true no more says what changed, and is made anew."""
    page = open_page(server, "/sites/acme/plan")
    page.get_by_label("mysql", exact=True).check()
    page.get_by_role("button", name="Make the plan").click()
    go = page.get_by_role("button", name="Start the run")
    expect(go).to_be_visible()
    run = make_run(server, "slow")
    go.click()
    expect(page.get_by_role("alert")).to_contain_text("site_locked")
    expect(page.get_by_role("alert").get_by_role("link")).to_have_attribute("href", f"#{run}")
    with server.client() as client:
        client.post(f"/api/v1{run}/cancel", json={"now": True})
        finish(client, f"/api/v1{run}")
    (playbooks / "03.mysql.yml").write_text((playbooks / "03.mysql.yml").read_text() + "# edited\n")
    go.click()
    expect(page.get_by_role("alert")).to_contain_text("plan_stale")
    before = page.url
    page.get_by_role("button", name="Make this plan anew").click()

    page.wait_for_function("before => location.href !== before", arg=before)
    expect(page.get_by_role("button", name="Start the run")).to_be_visible()


def test_a_log_of_200_000_lines_scrolls_to_its_end_and_back(past, open_page):
    """What is in the page depends on what is in sight, not on the log."""
    page = open_page(past, f"/runs/{RECORDED.name}")
    page.get_by_role("button", name=LONG).click()
    expect(page.locator(".count")).to_have_text("200,000 lines")
    expect(page.locator(".row").last).to_have_text(f"{LINES}line {LINES}")
    sizes = [page.locator("*").count()]
    for place in (0, 0.5, 0.9, 0):
        page.locator(".scroller").evaluate("(it, place) => it.scrollTop = it.scrollHeight * place", place)
        number = int(place * LINES) + 3
        expect(page.locator(".rows")).to_contain_text(f"{number}line {number}")
        sizes.append(page.locator("*").count())
    page.get_by_label("Search the log").fill("LINE 123456")
    page.keyboard.press("Enter")

    expect(page.locator(".row.mark")).to_have_text("123456line 123456")
    assert max(sizes) < 500


def test_a_hostile_log_is_only_text(past, open_page):
    """No markup, no escape sequence and no forged end does anything but stand there; colours are kept."""
    page = open_page(past, f"/runs/{RECORDED.name}")
    page.get_by_role("button", name=HOSTILE).click()
    expect(page.locator(".count")).to_have_text(f"{len(HOSTILE_LINES)} lines")

    assert [shown or line for line, shown in HOSTILE_LINES.items()] == read_log(page)
    assert 0 == page.locator(".log :is(img, script, a)").count()
    assert "owned" not in page.title()
    expect(page.locator(".row .ink-1").first).to_have_text("red")


@pytest.mark.parametrize(
    "path",
    [
        "/sites",
        "/sites/acme",
        "/sites/acme/catalog",
        "/sites/acme/plan",
        "/sites/acme/hosts",
        "/sites/acme/parameters",
        "/access/tokens",
        "/access/webhooks",
        "/access/audit",
        "/catalogs",
        "/runs",
        f"/runs/{RECORDED.name}",
    ],
)
def test_a_page_can_be_used_without_seeing_it_and_on_a_small_window(past, open_page, path):
    """Each control has a name, the page one heading and its landmarks, and nothing is wider than the window."""
    page = open_page(past, path, viewport={"width": 390, "height": 844})
    expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Main")).to_have_count(1)

    assert [] == page.locator(CONTROLS).evaluate_all(NAMELESS)
    assert 390 >= page.evaluate("document.documentElement.scrollWidth")


def test_every_word_is_there_in_both_languages_and_the_choice_is_kept(past, open_page):
    page = open_page(past)
    words = page.evaluate(
        "async () => Object.values((await import(new URL('console/words.js', document.baseURI))).LANGUAGES).map(Object.keys)"
    )
    page.get_by_label("Language").select_option("zh")
    page.reload()

    assert words[0] == words[1]
    expect(page.get_by_role("heading", name="站点")).to_be_visible()
    assert "zh" == page.locator("html").get_attribute("lang")


def test_nothing_is_offered_that_the_token_may_not_do(past, open_page):
    with past.client() as client:
        made = client.post("/api/v1/tokens", json={"name": "looker", "scopes": ["read"]}).json()
    page = open_page(past, f"/runs/{RECORDED.name}")
    plans = page.get_by_role("button", name=re.compile("^Plan"))
    access = page.get_by_role("link", name="Access")
    expect(plans).to_have_text(["Plan the rest", "Plan a rollback"])
    expect(access).to_be_visible()
    page.context.request.post(f"{past.url}/api/v1/session", data={"token": made["token"]})
    page.reload()
    expect(page.get_by_role("link", name="Report for support")).to_be_visible()

    expect(plans).to_have_count(0)
    expect(access).to_have_count(0)


def test_the_page_can_load_nothing_from_elsewhere(past):
    with past.client() as client:
        policy = client.get("/").headers["content-security-policy"]
        known = client.get("/console/app.js")
        missing = [client.get(f"/console/{name}").status_code for name in ("none.js", "..%2fapp.py", "%2e%2e%2fapp.py")]

    assert "default-src 'none'; script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "text/javascript; charset=utf-8" == known.headers["content-type"]
    assert [404, 404, 404] == missing
