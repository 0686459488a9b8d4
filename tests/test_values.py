"""Parameter values, entered for a site: what no playbook could get is refused at once."""

import pytest

import installkit


@pytest.fixture
def site(installer, folder, inventory):
    """A site of localhost, whose mysql takes a port and a password."""
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks: []\n")
    (folder / "mysql.component.yml").write_text(
        "parameters: {mysql_port: {type: port, default: 3306}, mysql_password: {type: string, secret: true}}\n"
        "actions: {install: 03.mysql.yml}\n"
    )
    return installer.site("acme", inventory=inventory, catalog=folder)


def test_wrong_values_are_all_named_and_none_is_entered(site):
    values = {"mysql_port": "abc", "mysql_password": "x", "inventory_hostname": "x", "rate": float("nan"), "loose": 1}

    with pytest.raises(installkit.PlanningError) as refused:
        site.parameters.set(values)

    assert [
        "mysql_port: 'abc' is not a port from 1 to 65535",
        "mysql_password: is a secret: keep it among the site's secrets, or hand it over at start",
        "inventory_hostname: is reserved for Ansible and installkit",
    ] == str(refused.value).splitlines()[:3]
    assert "rate: nan cannot be handed over" in str(refused.value)
    assert "loose: no component declares it" in str(refused.value)
    assert {} == site.parameters.values().site


def test_a_name_that_no_component_declares_is_for_playbooks_without_a_manifest(site, folder):
    """Where every component says what it takes, it is mistyped."""
    with pytest.raises(
        installkit.PlanningError, match=r"mysql_prot: no component declares it; did you mean mysql_port\?"
    ):
        site.parameters.set({"mysql_prot": 3307})
    (folder / "08.zk.yml").write_text("- hosts: all\n  tasks: []\n")
    site.parameters.set({"zk_port": 2181})

    assert {"zk_port": 2181} == site.parameters.values().site


def test_values_of_several_levels_are_entered_as_one(site):
    wrong = installkit.SiteParameters(site={"mysql_port": 1}, hosts={"nobody": {"mysql_port": 2}})
    with pytest.raises(installkit.PlanningError, match="no such host"):
        site.parameters.enter(wrong)
    assert {} == site.parameters.values().site
    right = installkit.SiteParameters(site={"mysql_port": 1}, hosts={"localhost": {"mysql_port": 2}})
    site.parameters.enter(right)

    assert right == site.parameters.values()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        pytest.param({"install": [1]}, r"Request.install\[0\]: text is wanted, not 1", id="number for a name"),
        pytest.param({"install": "mysql"}, r"install takes a list, as \['mysql'\]", id="text for a list"),
        pytest.param({"all": "yes"}, 'Request.all: true or false is wanted, not "yes"', id="text for a truth"),
        pytest.param({"all": True, "limit": 3}, "Request.limit: text is wanted, not 3", id="number for a pattern"),
        pytest.param(
            {"all": True, "parameters": [1]}, r"Request.parameters: an object is wanted, not \[1\]", id="list for a map"
        ),
    ],
)
def test_a_request_of_other_types_is_refused_by_name(site, wanted, said):
    with pytest.raises(TypeError, match=said):
        site.plan(**wanted)


def test_values_are_for_groups_and_hosts_that_there_are(site, inventory):
    """What is taken away may be of one that is gone; and where nobody can tell, a value can still be corrected."""
    for level in ({"host": "nope"}, {"group": "nope"}):
        with pytest.raises(installkit.PlanningError, match=r"nope: the site has no such (host|group); choose"):
            site.parameters.set({"mysql_port": 1}, **level)
        site.parameters.set({"mysql_port": None}, **level)
    site.parameters.set({"mysql_port": 1}, host="localhost")
    site.parameters.set({"mysql_port": 2}, group="all")
    inventory.write_text("[broken\n")
    site.parameters.set({"mysql_port": 3}, host="localhost")

    entered = site.parameters.values()
    assert ({"localhost": {"mysql_port": 3}}, {"all": {"mysql_port": 2}}) == (entered.hosts, entered.groups)
