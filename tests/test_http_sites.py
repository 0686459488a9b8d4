"""Sites over HTTP: hosts, parameters, secrets; what is written twice, and what is written late."""

import threading

import pytest
import yaml

from http_client import INVENTORY, LOCAL, finish

pytest_plugins = ["http_service"]

SITE = "/api/v1/sites/acme"


@pytest.fixture
def installer(fake_installer):
    """Without Ansible: what a playbook does is not what these tests are about."""
    return fake_installer


def test_a_site_is_made_of_an_inventory_as_text_or_as_an_object(client):
    text = client.post("/api/v1/sites", json={"name": "a", "inventory": yaml.safe_dump(INVENTORY)})
    data = client.post("/api/v1/sites", json={"name": "b", "inventory": INVENTORY, "title": "B & Co"})

    assert [201, 201] == [text.status_code, data.status_code]
    assert ("store", "B & Co") == (data.json()["inventory"]["kind"], data.json()["title"])
    assert ["a", "b"] == [site["name"] for site in client.get("/api/v1/sites").json()["items"]]
    assert ["h1", "h2"] == [host["name"] for host in client.get("/api/v1/sites/a/hosts").json()["items"]]


@pytest.mark.parametrize(
    ("inventory", "said"),
    [
        pytest.param("all: {hosts: {h1: }", "expected ',' or '}'", id="no YAML"),
        pytest.param("all: {hosts: {h1: {a: 1, a: 2}}}", "stands twice", id="key twice"),
        pytest.param("all: {hosts: {h1: {born: 2026-01-01}}}", "born has datetime.date(2026, 1, 1)", id="date"),
        pytest.param("all: {hosts: {h1: {a: [{b: .nan}]}}}", "host h1: a has nan", id="not a number"),
        pytest.param("a: &a [x]\nb: *a", "aliases", id="alias"),
        pytest.param("plugin: constructed", "plugin", id="plugin"),
        pytest.param("[1, 2]", "an object of groups", id="list"),
        pytest.param("all: {hosts: [h1]}", "hosts is an object", id="hosts as list"),
        pytest.param("all: {host: {h1: }}", "'host' is none of hosts, vars, children", id="unknown key"),
        pytest.param("all: {hosts: {'h[1:3]': }}", "write each host out", id="range"),
        pytest.param("all: {hosts: {'-oProxyCommand=x': }}", "-oProxyCommand=x", id="option"),
        pytest.param("all: {hosts: {}}", "host", id="no host"),
        pytest.param("a: !!python/object/apply:os.system ['true']", "python/object", id="code"),
        pytest.param("all: {hosts: {h1: {a: " + "[" * 2000 + "]" * 2000 + "}}}", "values nest too deep", id="deep"),
    ],
)
def test_an_inventory_that_is_wrong_is_refused(asking, inventory, said):
    """Nothing is made of it."""
    answer = asking.post("/api/v1/sites", json={"name": "a", "inventory": inventory})

    assert (422, "definition_invalid") == (answer.status_code, answer.json()["code"])
    assert said in answer.json()["detail"]
    assert ["acme"] == [site["name"] for site in asking.get("/api/v1/sites").json()["items"]]


@pytest.mark.parametrize("name", ["../x", "a/b", "", "-rf", "a" * 65, "a\u0000b", "ä"])
def test_a_name_that_could_be_a_path_is_refused(asking, name):
    answer = asking.post("/api/v1/sites", json={"name": name, "inventory": INVENTORY})

    assert 422 == answer.status_code
    assert ["acme"] == [site["name"] for site in asking.get("/api/v1/sites").json()["items"]]


@pytest.mark.parametrize("name", ["..%2f..%2fetc", "%00", "nothing", "a%20b", "x" * 3000])
def test_a_site_that_is_not_there_is_not_found(asking, name):
    assert 404 == asking.get(f"/api/v1/sites/{name}").status_code


def test_a_known_site_is_not_made_again(asking):
    answer = asking.post("/api/v1/sites", json={"name": "acme", "inventory": INVENTORY})

    assert (409, "site_exists") == (answer.status_code, answer.json()["code"])


def test_an_unknown_catalog_names_the_known(asking):
    answer = asking.post("/api/v1/sites", json={"name": "a", "inventory": INVENTORY, "catalog": "x"})

    assert [{"pointer": "/catalog", "message": "no catalog is named 'x'; known are: products"}] == answer.json()[
        "errors"
    ]


def test_hosts_are_added_changed_and_removed(client, held_site):
    added = client.post(f"{held_site}/hosts", json={"name": "h3", "groups": ["db"], "vars": {**LOCAL, "rack": 7}})
    changed = client.patch(f"{held_site}/hosts/h3", json={"groups": ["db", "web"], "vars": {"rack": None, "row": "b"}})
    removed = client.delete(f"{held_site}/hosts/h1")

    assert (201, f"{held_site}/hosts/h3") == (added.status_code, added.headers["location"])
    assert (["db", "web"], {**LOCAL, "row": "b"}) == (changed.json()["groups"], changed.json()["vars"])
    assert 204 == removed.status_code
    assert {"h2", "h3"} == {host["name"] for host in client.get(f"{held_site}/hosts").json()["items"]}
    assert {"h3"} == set(
        yaml.safe_load(client.get(f"{held_site}/inventory").json()["inventory"])["all"]["children"]["web"]["hosts"]
    )


@pytest.mark.long
def test_a_vaulted_value_stays_vaulted(client):
    """Editing one host leaves the tags of all."""
    text = "all:\n  hosts:\n    h1:\n      ansible_connection: local\n      pw: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        6162\n"
    client.post("/api/v1/sites", json={"name": "a", "inventory": text})
    client.patch("/api/v1/sites/a/hosts/h1", json={"vars": {"rack": 1}})
    now = client.get("/api/v1/sites/a/inventory").json()["inventory"]

    assert "pw: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        6162\n" in now
    assert "rack: 1" in now


def test_an_inventory_is_exported_and_imported(client, held_site):
    text = client.get(f"{held_site}/inventory").json()["inventory"]
    put = client.put(f"{held_site}/inventory", json={"inventory": text.replace("h2", "h9")})

    assert INVENTORY == yaml.safe_load(text)
    assert 200 == put.status_code
    assert ["h1", "h9"] == [host["name"] for host in client.get(f"{held_site}/hosts").json()["items"]]


def test_the_inventory_of_a_file_site_is_edited_where_it_lies(client, installer, playbooks, tmp_path):
    path = tmp_path / "hosts.ini"
    path.write_text("h1 ansible_connection=local\n")
    installer.site("filed", inventory=path, catalog=playbooks)
    answers = [
        client.post("/api/v1/sites/filed/hosts", json={"name": "h3"}),
        client.patch("/api/v1/sites/filed/hosts/h1", json={"groups": ["x"]}),
        client.delete("/api/v1/sites/filed/hosts/h1"),
        client.put("/api/v1/sites/filed/inventory", json={"inventory": "{}"}),
    ]

    assert [409] * 4 == [answer.status_code for answer in answers]
    assert {"inventory_is_a_file"} == {answer.json()["code"] for answer in answers}
    assert str(path) in answers[0].json()["detail"]
    assert ["h1"] == [host["name"] for host in client.get("/api/v1/sites/filed/hosts").json()["items"]]


def test_a_late_write_is_refused(client, site):
    """The entity tag of what was read guards what is written."""
    tag = client.get(site).headers["etag"]
    first = client.patch(site, json={"title": "One"}, headers={"if-match": tag})
    second = client.patch(site, json={"title": "Two"}, headers={"if-match": tag})

    assert [200, 412] == [first.status_code, second.status_code]
    assert first.headers["etag"] == second.json()["etag"]
    assert "One" == client.get(site).json()["title"]


def test_of_many_guarded_writes_at_once_one_wins(client, site):
    tag = client.get(f"{site}/parameters").headers["etag"]
    statuses = []

    def _write(number):
        body = {"site": {"mysql_port": 4000 + number}}
        statuses.append(client.patch(f"{site}/parameters", json=body, headers={"if-match": tag}).status_code)

    threads = [threading.Thread(target=_write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [200] + [412] * 7 == sorted(statuses)


@pytest.mark.long
def test_of_many_edits_of_one_host_at_once_none_is_lost(client, held_site):
    """Also where nobody guards them: a merge patch is merged with what is there."""
    threads = [
        threading.Thread(target=client.patch, args=[f"{held_site}/hosts/h1"], kwargs={"json": {"vars": {name: 1}}})
        for name in ("rack", "row", "slot")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {"rack": 1, "row": 1, "slot": 1, **LOCAL} == client.get(f"{held_site}/hosts/h1").json()["vars"]


def test_a_host_is_another_one_only_where_somebody_edits_it(client, held_site):
    """What a run records of it does not make an edit late; what somebody else edits does."""
    tag = client.get(f"{held_site}/hosts/h1").headers["etag"]
    recorded = client.post(f"{held_site}/installed", json={"components": ["mysql=1.0"]})
    finish(client, recorded.headers["location"])
    host = client.get(f"{held_site}/hosts/h1")
    edited = client.patch(f"{held_site}/hosts/h1", json={"vars": {"rack": 1}}, headers={"if-match": tag})
    late = client.delete(f"{held_site}/hosts/h1", headers={"if-match": tag})

    assert (["mysql"], tag) == ([row["component"] for row in host.json()["installed"]], host.headers["etag"])
    assert [200, 412] == [edited.status_code, late.status_code]


def test_a_secret_that_somebody_else_set_is_not_overwritten(client, site):
    """Its entity tag is in the list and in the answer that set it, and tells nothing of its value."""
    path = f"{site}/secrets/mysql_root_password"
    new = [client.put(path, json={"value": "a"}, headers={"if-none-match": "*"}) for _ in range(2)]
    listed = client.get(f"{site}/secrets").json()["items"][0]["etag"]
    mine = client.put(path, json={"value": "a"}, headers={"if-match": listed})
    theirs = [client.put(path, json={"value": "b"}, headers={"if-match": listed})]
    theirs.append(client.delete(path, headers={"if-match": listed}))
    gone = client.delete(path, headers={"if-match": mine.headers["etag"]})
    absent = client.put(path, json={"value": "b"}, headers={"if-match": "*"})

    assert [204, 412] == [answer.status_code for answer in new]
    assert new[0].headers["etag"] == listed
    assert mine.headers["etag"] != listed, "the same value set again is another state"
    assert ([412, 412], 204, 412) == ([answer.status_code for answer in theirs], gone.status_code, absent.status_code)


def test_what_a_client_has_already_is_not_sent_again(asking):
    tag = asking.get(f"{SITE}/parameters").headers["etag"]

    assert 304 == asking.get(f"{SITE}/parameters", headers={"if-none-match": tag}).status_code


def test_parameters_are_entered_by_level_and_taken_away(client, site):
    entered = client.patch(
        f"{site}/parameters", json={"site": {"mysql_port": 3307}, "hosts": {"h1": {"mysql_port": 3308}}}
    )
    taken = client.patch(f"{site}/parameters", json={"site": {"mysql_port": None}})

    assert {
        "site": {"mysql_port": 3307},
        "groups": {},
        "hosts": {"h1": {"mysql_port": 3308}},
        "secrets": [],
    } == entered.json()
    assert {} == taken.json()["site"]


def test_wrong_parameters_are_all_named_and_none_is_entered(asking):
    body = {
        "site": {"mysql_port": 3307, "groups": 1, "mysql_root_password": "x"},
        "groups": {"db": {}},
        "hosts": {"h9": {"mysql_port": 1}, "h1": {"mysql_port": 70000}},
    }
    answer = asking.patch(f"{SITE}/parameters", json=body)
    errors = {each["pointer"]: each["message"] for each in answer.json()["errors"]}

    assert {
        *("/site/groups", "/site/mysql_root_password", "/groups/db", "/hosts/h9", "/hosts/h1/mysql_port")
    } == errors.keys()
    assert "70000 is not a port from 1 to 65535" == errors["/hosts/h1/mysql_port"]
    assert {} == asking.get(f"{SITE}/parameters").json()["site"]


def test_a_secret_goes_in_and_never_comes_back(client, site, installer):
    canary = "S3CRET-canary"
    assert 204 == client.put(f"{site}/secrets/mysql_root_password", json={"value": canary}).status_code

    seen = [client.get(path).text for path in (f"{site}/secrets", f"{site}/parameters", site, "/api/v1/audit")]
    assert ["mysql_root_password"] == [each["name"] for each in client.get(f"{site}/secrets").json()["items"]]
    assert not any(canary in text for text in seen)
    assert not any(canary.encode() in path.read_bytes() for path in installer.folders.data.rglob("*") if path.is_file())
    assert 204 == client.put(f"{site}/secrets/ansible_vault_password:prod", json={"value": canary}).status_code
    assert 404 == client.put(f"{site}/secrets/nothing", json={"value": canary}).status_code
    assert 422 == client.put(f"{site}/secrets/mysql_root_password", json={"value": ""}).status_code
    assert 204 == client.delete(f"{site}/secrets/mysql_root_password").status_code
    assert 404 == client.delete(f"{site}/secrets/mysql_root_password").status_code


def test_a_repeated_request_with_a_key_is_carried_out_once(client, site):
    headers = {"idempotency-key": "k1"}
    first = client.post(f"{site}/plans", json={"install": ["mysql"]}, headers=headers)
    again = client.post(f"{site}/plans", json={"install": ["mysql"]}, headers=headers)
    other = client.post(f"{site}/plans", json={"install": ["slow"]}, headers=headers)

    assert (first.json(), first.headers["location"]) == (again.json(), again.headers["location"])
    assert "true" == again.headers["idempotency-replayed"]
    assert (422, "idempotency_key_reused") == (other.status_code, other.json()["code"])
    assert 1 == len(client.get(f"{site}/plans").json()["items"])


def test_a_request_names_secrets_that_nobody_declares(client, site):
    plan = client.post(f"{site}/plans", json={"install": ["mysql"], "secrets": ["db_password"]})

    assert 201 == plan.status_code
    assert ["db_password"] == plan.json()["request"]["secrets"]
    assert "secret db_password must be handed over at start" in plan.json()["warnings"]


def test_a_key_whose_request_failed_may_be_used_again(client, site):
    headers = {"idempotency-key": "k1"}
    assert 422 == client.post(f"{site}/plans", json={"install": ["nothing"]}, headers=headers).status_code

    assert 201 == client.post(f"{site}/plans", json={"install": ["mysql"]}, headers=headers).status_code


def test_components_and_their_playbooks_are_shown(asking):
    assert ["mysql", "slow"] == [each["name"] for each in asking.get(f"{SITE}/components").json()["items"]]
    assert ["1.0"] == asking.get(f"{SITE}/components/mysql").json()["versions"]
    assert "hällo" in asking.get(f"{SITE}/components/mysql/playbooks/install").text
    assert 404 == asking.get(f"{SITE}/components/mysql/playbooks/uninstall").status_code
    assert 404 == asking.get(f"{SITE}/components/nothing").status_code
    assert [["mysql", "slow"]] == [each["components"] for each in asking.get("/api/v1/catalogs").json()["items"]]


def test_a_broken_catalog_says_where(client, site, playbooks):
    (playbooks / "mysql.component.yml").write_text("name: mysql\nnothing: 1\n")
    answer = client.get(f"{site}/components")

    assert (422, "definition_invalid") == (answer.status_code, answer.json()["code"])
    assert [(2, 1)] == [
        (issue["line"], issue["column"]) for issue in answer.json()["issues"] if "nothing" in issue["message"]
    ]


def test_a_list_is_read_page_by_page(asking):
    first = asking.get(f"{SITE}/hosts?limit=1").json()
    second = asking.get(f"{SITE}/hosts?limit=1&cursor={first['next']}").json()

    assert (["h1"], "h1") == ([host["name"] for host in first["items"]], first["next"])
    assert (["h2"], None) == ([host["name"] for host in second["items"]], second["next"])


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=-1", "/query/limit"),
        ("limit=1e3", "/query/limit"),
        ("limit=99999999999999999999", "/query/limit"),
        ("limit=1&limit=2", "/query/limit"),
        ("cursor=nobody", "/query/cursor"),
        ("colour=red", "/query/colour"),
    ],
)
def test_a_wrong_query_is_named(asking, query, pointer):
    answer = asking.get(f"{SITE}/hosts?{query}")

    assert (422, [pointer]) == (answer.status_code, [each["pointer"] for each in answer.json()["errors"]])


def test_a_deleted_site_is_gone(client, site):
    assert 204 == client.delete(site).status_code
    assert 404 == client.get(site).status_code


def test_webhooks_are_kept_and_forgotten(asking):
    made = asking.post("/api/v1/webhooks", json={"url": "https://example.org/x"})
    wrong = asking.post("/api/v1/webhooks", json={"url": "file:///etc/passwd"})

    assert ["run_started", "run_finished", "approval_requested"] == made.json()["events"]
    assert 422 == wrong.status_code
    assert 204 == asking.delete(f"/api/v1/webhooks/{made.json()['id']}").status_code
    assert [] == asking.get("/api/v1/webhooks").json()["items"]


@pytest.mark.parametrize(
    "url",
    [
        *("http://x y/", "http://a\nb/", "http://a/\x7f", "http://é/", "http://[::1", "http://[nowhere]/", "http:///x"),
        *("http://:80/", "http://a..b/", "http://a:0/", "http://a:70000/", "http://a:b/", "ftp://a/", "a.example.org"),
        *("http://me:secret@a/", "http://me@a/"),
    ],
    ids=repr,
)
def test_a_webhook_that_cannot_be_told_is_refused(asking, url):
    """So is one with a password, which everybody who lists the webhooks would read; no answer repeats it."""
    answer = asking.post("/api/v1/webhooks", json={"url": url})

    assert (422, "invalid") == (answer.status_code, answer.json()["code"])
    assert ["/url"] == [each["pointer"] for each in answer.json()["errors"]]
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "url", ["http://[::1]:8080/hook?a=b", "http://chat:80", "https://10.0.0.1/x", "http://my_app/"]
)
def test_a_webhook_may_be_at_any_host(asking, url):
    made = asking.post("/api/v1/webhooks", json={"url": url})

    assert 201 == made.status_code, made.text
    assert 204 == asking.delete(f"/api/v1/webhooks/{made.json()['id']}").status_code


def test_a_webhook_is_told_of_something(asking):
    answer = asking.post("/api/v1/webhooks", json={"url": "https://example.org/x", "events": []})

    assert ["/events"] == [each["pointer"] for each in answer.json()["errors"]]


def test_a_host_that_ansible_cannot_use_is_told_by_its_field(client):
    """A host called as a group would be lost to Ansible without a word."""
    inventory = {"all": {"hosts": {"h1": {}}, "children": {"db": {"hosts": {"h1": None}}}}}
    client.post("/api/v1/sites", json={"name": "a", "inventory": inventory})
    wanted = [
        *({"name": "all"}, {"name": "ungrouped"}, {"name": "db"}, {"name": "-oProxyCommand=x"}),
        *({"name": "h7", "groups": groups} for groups in (["ungrouped"], ["web", "all"], ["-x"])),
    ]
    answers = [client.post("/api/v1/sites/a/hosts", json=host) for host in wanted]

    assert {422} == {answer.status_code for answer in answers}
    assert [*["/name"] * 4, "/groups/0", "/groups/1", "/groups/0"] == [
        each["pointer"] for answer in answers for each in answer.json()["errors"]
    ]
    assert ["h1"] == [each["name"] for each in client.get("/api/v1/sites/a/hosts").json()["items"]]


def test_the_address_of_a_host_is_one(client, held_site):
    made = client.post(f"{held_site}/hosts", json={"name": "é", "vars": LOCAL})

    assert (201, f"{held_site}/hosts/%C3%A9") == (made.status_code, made.headers["location"])
    assert "é" == client.get(made.headers["location"]).json()["name"]


def test_a_host_takes_what_can_be_a_variable(client, held_site):
    """As parameters do; what is Ansible's own may be set of a host."""
    values = {"component_name": 1, "__x y": 2, "ansible_port": 22, "rack": 7}
    answer = client.patch(f"{held_site}/hosts/h1", json={"vars": values})

    assert 422 == answer.status_code
    assert ["/vars/component_name", "/vars/__x y"] == [each["pointer"] for each in answer.json()["errors"]]


def test_a_title_goes_back_to_the_name(client, site):
    patches = {"title": "Acme"}, {}, {"title": None}, {"title": "Acme"}, {"title": ""}
    titles = [client.patch(site, json=patch).json()["title"] for patch in patches]

    assert ["Acme", "Acme", "acme", "Acme", "acme"] == titles
