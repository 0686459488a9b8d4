import stat
from pathlib import Path

import attrs
import pytest
from cryptography.fernet import Fernet

from installkit.errors import StoreError, UnknownNameError
from installkit.model import Action, InventoryKind, InventorySource, SiteParameters, SiteSnapshot
from installkit.store import Store
from test_store_ingest import a_finished_run, a_spec

CANARY = "c4nary-Ünlock"
ACME = SiteSnapshot(
    name="acme",
    title="Acme Ltd.",
    inventory=InventorySource(kind=InventoryKind.FILE, path=Path("/acme/hosts.yml")),
    catalog=Path("/catalog"),
)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "installkit.db") as store:
        store.sites.save(ACME)
        yield store


def test_a_site_is_kept(store):
    assert ACME == store.sites.get("acme")


def test_a_site_saved_again_is_changed_and_keeps_its_parameters(store):
    store.sites.set_parameters("acme", SiteParameters(site={"mysql_port": 3306}))

    store.sites.save(attrs.evolve(ACME, title="Acme plc"))

    assert ["Acme plc"] == [site.title for site in store.sites.list()]
    assert {"mysql_port": 3306} == store.sites.parameters("acme").site


def test_a_site_knows_its_last_run_and_the_last_that_changed_it(store, tmp_path):
    """The revision is the last run that was not read-only."""
    store.runs.ingest(a_finished_run(tmp_path / "runs", a_spec("aa0000000001", minute=1)))
    store.runs.ingest(a_finished_run(tmp_path / "runs", a_spec("bb0000000002", minute=2, action=Action.VERIFY)))

    site = store.sites.get("acme")

    assert ("aa0000000001", "bb0000000002") == (site.revision, site.last_run)


def test_an_unknown_site_is_told_with_the_near_names(store):
    with pytest.raises(UnknownNameError, match="no site is named 'acmee'") as caught:
        store.sites.get("acmee")

    assert "did you mean acme?" == caught.value.remedy


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda store: store.sites.delete("nobody"), id="delete"),
        pytest.param(lambda store: store.sites.parameters("nobody"), id="parameters"),
        pytest.param(
            lambda store: store.sites.set_parameters("nobody", SiteParameters(site={"a": 1})), id="set parameters"
        ),
        pytest.param(lambda store: store.secrets.set("nobody", "a", "b"), id="set secret"),
        pytest.param(lambda store: store.secrets.unset("acme", "nobody"), id="unset secret"),
        pytest.param(lambda store: store.secrets.of_site("nobody"), id="secrets"),
        pytest.param(lambda store: store.plans.get("nobody"), id="plan"),
        pytest.param(lambda store: store.plans.delete("nobody"), id="delete plan"),
    ],
)
def test_an_unknown_name_is_told(store, call):
    with pytest.raises(UnknownNameError, match="'nobody'") as caught:
        call(store)

    assert caught.value.remedy


def test_a_deleted_site_takes_what_was_entered_along(store):
    store.sites.set_parameters("acme", SiteParameters(site={"mysql_port": 3306}))
    store.secrets.set("acme", "password", CANARY)

    store.sites.delete("acme")
    store.sites.save(ACME)

    assert SiteParameters() == store.sites.parameters("acme")


def test_parameters_are_kept_by_level(store):
    store.sites.set_parameters("acme", SiteParameters(site={"mysql_port": 3306, "names": ["ä", {"b": None}]}))
    store.sites.set_parameters("acme", SiteParameters(groups={"db": {"mysql_port": 3307}}))
    store.sites.set_parameters("acme", SiteParameters(hosts={"db1": {"mysql_port": 3308, "debug": False}}))
    store.secrets.set("acme", "mysql_root_password", CANARY)

    entered = store.sites.parameters("acme")

    assert (
        SiteParameters(
            site={"mysql_port": 3306, "names": ["ä", {"b": None}]},
            groups={"db": {"mysql_port": 3307}},
            hosts={"db1": {"mysql_port": 3308, "debug": False}},
            secrets=("mysql_root_password",),
        )
        == entered
    )


def test_none_takes_a_parameter_back(store):
    """At its level alone, and with other values in the same call."""
    store.sites.set_parameters("acme", SiteParameters(site={"a": 1, "b": 2}, hosts={"db1": {"a": 1}}))

    store.sites.set_parameters("acme", SiteParameters(site={"a": None, "b": 3, "never set": None}))

    assert SiteParameters(site={"b": 3}, hosts={"db1": {"a": 1}}) == store.sites.parameters("acme")


def test_values_of_several_levels_are_entered_as_one(store):
    """One that JSON cannot hold leaves none behind."""
    with pytest.raises(TypeError):
        store.sites.set_parameters("acme", SiteParameters(site={"a": 1}, hosts={"db1": {"b": object()}}))

    assert SiteParameters() == store.sites.parameters("acme")


def test_secrets_come_back_in_clear(store):
    store.secrets.set("acme", "b", CANARY)
    store.secrets.set("acme", "a", "first")
    store.secrets.set("acme", "a", "second\nline")
    store.secrets.set("acme", "gone", "x")
    store.secrets.unset("acme", "gone")

    assert {"a": "second\nline", "b": CANARY} == store.secrets.of_site("acme")


def test_secrets_are_not_readable_in_any_file(store, tmp_path):
    """At rest they exist encrypted alone; a backup holds them so, and not the key."""
    store.secrets.set("acme", "password", CANARY)
    store.backup(tmp_path / "backup.db")

    files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}

    assert {"installkit.db", "installkit.db-wal", "secret.key", "backup.db"} <= files.keys()
    assert [] == [name for name, content in files.items() if CANARY.encode() in content]
    assert ["secret.key"] == [name for name, content in files.items() if files["secret.key"] in content]


def test_the_key_is_its_owners_alone(store, tmp_path):
    store.secrets.set("acme", "password", CANARY)

    assert 0o600 == stat.S_IMODE((tmp_path / "secret.key").stat().st_mode)


def test_no_key_is_made_before_there_is_a_secret(store, tmp_path):
    assert {} == store.secrets.of_site("acme")
    assert not (tmp_path / "secret.key").exists()


def test_a_given_key_is_used(tmp_path):
    key = tmp_path / "given.key"
    content = Fernet.generate_key() + b"\n"
    key.write_bytes(content)

    for value in ("one", "two"):
        with Store(tmp_path / "installkit.db", key_file=key) as store:
            store.sites.save(ACME)
            store.secrets.set("acme", value, value)

    with Store(tmp_path / "installkit.db", key_file=key) as store:
        assert {"one": "one", "two": "two"} == store.secrets.of_site("acme")
    assert content == key.read_bytes()
    assert not (tmp_path / "secret.key").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "is not there", id="missing"),
        pytest.param(Fernet.generate_key(), "is not the key", id="another"),
        pytest.param(b"", "holds no key", id="empty"),
        pytest.param(b"rubbish", "holds no key", id="no key"),
    ],
)
def test_secrets_without_their_key_are_told_and_the_file_is_left_alone(store, tmp_path, content, message):
    """Neither is a wrong key used for further secrets, nor is a missing one made anew: both would lose the old ones."""
    key = tmp_path / "secret.key"
    store.secrets.set("acme", "password", CANARY)
    key.unlink()
    if content is not None:
        key.write_bytes(content)

    with pytest.raises(StoreError, match=message):
        store.secrets.of_site("acme")
    with pytest.raises(StoreError, match=message):
        store.secrets.set("acme", "another", "x")

    assert content == (key.read_bytes() if key.exists() else None)
    assert ("password",) == store.sites.parameters("acme").secrets


def test_plans_are_kept(store):
    plans = [a_spec(f"{number:012x}", minute=number).plan for number in range(3)]
    for plan in plans:
        store.plans.save(plan)

    assert plans[1] == store.plans.get(plans[1].id)
    assert (plans[2], plans[1]) == store.plans.list("acme", limit=2)
    assert () == store.plans.list("other")


def test_a_deleted_plan_is_gone(store):
    plan = a_spec().plan
    store.plans.save(plan)

    store.plans.delete(plan.id)

    assert () == store.plans.list("acme")
