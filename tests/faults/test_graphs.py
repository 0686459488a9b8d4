"""What fails in the midst of others."""

from installkit import HostStatus, InstallationStatus, RunStatus
from plan_steps import component_steps
from plays import LOCAL, play


def test_a_failure_in_a_parallel_graph_costs_its_dependents_alone(make_site, tmp_path):
    """R16: independents finish beside it, and a resume runs the rest and nothing else."""
    gate, diary = tmp_path / "gate", tmp_path / "diary"
    note = f"raw: echo {{{{ component_name }}}} >> {diary}"
    broken = f"raw: touch {gate}.failed; test -e {gate}"
    late = f"raw: while ! test -e {gate}.failed; do sleep 0.05; done"  # it is under way when the other fails
    playbooks = {
        "a": play(broken, note, hosts="h1"),
        "b": play(note, hosts="h1"),
        "c": play(late, note, hosts="h2"),
        "d": play(note, hosts="h2"),
    }
    site = make_site("acme", playbooks, f"h1 {LOCAL}\nh2 {LOCAL}\n")
    for name, needs in (("a", ""), ("b", "a"), ("c", ""), ("d", "c")):
        (site.catalog().folder / f"{name}.component.yml").write_text(
            f"requires: [{needs}]\nactions: {{install: {name}.yml}}\n"
        )
    run = site.start(site.plan(all=True), checks=False).wait(100)
    before = diary.read_text().split()
    gate.touch()
    resumed = site.resume(run, checks=False).wait(100)

    expected = {"a": "failed", "b": "skipped", "c": "succeeded", "d": "succeeded"}
    assert expected == {step.component: step.status for step in component_steps(run.steps)}
    assert ["c", "d"] == before
    assert RunStatus.SUCCEEDED is resumed.status
    assert ["c", "d", "a", "b"] == diary.read_text().split()


def test_batches_behind_a_host_that_cannot_be_reached_never_start(make_site, tmp_path):
    """R17: the second of four batches is unreachable; what stands behind it is left as it is."""
    diary = tmp_path / "diary"
    unreachable = "h2 ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1\n"
    inventory = "".join(unreachable if number == 2 else f"h{number} {LOCAL}\n" for number in range(1, 5))
    site = make_site("acme", {"03.app": play(f"raw: echo {{{{ inventory_hostname }}}} >> {diary}")}, inventory)
    run = site.start(site.plan(install=["app"], batch=1), checks=False).wait(100)

    assert RunStatus.FAILED is run.status
    assert ["succeeded", "failed", "skipped", "skipped"] == [step.status for step in component_steps(run.steps)]
    assert HostStatus.UNREACHABLE is component_steps(run.steps)[1].host_statuses["h2"]
    assert ["h1"] == diary.read_text().split()
    rows = {row.host: row.status for row in site.installed()}
    assert {"h1": InstallationStatus.INSTALLED, "h2": InstallationStatus.FAILED} == rows
