"""Random playbooks, carried out by ansible-playbook: the record of each host held against the traces that it left."""

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings

from random_playbooks import HOSTS, random_playbooks
from traces import carry_out

TOGETHER = 25
"""Playbooks of one run."""

VARIED = 6
"""Hypothesis follows each example with so many that are almost the same; one of them is enough."""


def drawn(count, seed):
    """Return *count* random playbooks; the same *seed* gives the same ones."""
    found = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=VARIED * count, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck)
    )
    @hypothesis.given(random_playbooks())
    def gather(playbook):
        found.append(playbook)

    gather()
    return found[::VARIED]


def mistakes_of(playbook, component, traces):
    """Yield what is recorded of hosts that did otherwise."""
    installed = traces.installed(component)
    for host in HOSTS:
        done = playbook.came_to_the_end(host, lambda *trace: traces.left(component, *trace))
        if host in installed and not done:
            yield f"{host} is recorded as installed, and did not come to the end"
        elif done and host not in installed and not playbook.may_be_late:
            yield f"{host} came to the end, and is recorded as {traces.records[component][host]}"


@pytest.mark.timeout(3600)
def test_the_record_of_random_playbooks_is_what_the_hosts_did(times, seed, tmp_path):
    """No host is installed whose last task left no trace; none is failed that came to its end, but for others' errors."""
    playbooks = {f"random{number}": playbook for number, playbook in enumerate(drawn(times(25, 500), seed))}
    names = list(playbooks)
    mistakes = []
    for start in range(0, len(names), TOGETHER):
        part = {name: playbooks[name].text for name in names[start : start + TOGETHER]}
        folder = tmp_path / f"run{start}"
        folder.mkdir()
        traces = carry_out(folder, part)
        for name, text in part.items():
            found = list(mistakes_of(playbooks[name], name, traces))
            mistakes += [f"{'; '.join(found)}:\n{text}"] if found else []

    assert [] == mistakes
